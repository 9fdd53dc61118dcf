import { describe, expect, it } from 'vitest';
import { VcdReader } from './vcd-reader.js';

const HEAD = '$timescale 1 us $end\n$var wire 1 ! A $end\n$var reg 1 " B [3] $end\n';
const FULL = `$date today $end
$version some\n words $end
$comment $var wire 1 ? NOT $end
${HEAD}$scope module top $end
$var real 64 r TEMP $end
$var wire 8 v BUS [7:0] $end
$var wire 1 ! ALIAS $end
$upscope $end
$enddefinitions $end
#100
$dumpvars
0!
x"
b00000000 v
r1.5 r
$end
$comment between $end
#101 1!
#105
b1 "
Z!
$dumpoff x! $end
#2000000 0!`;

/** Reads `text` in pieces of `size` bytes. */
function reader(text: string, size = 7): VcdReader {
  const bytes = Buffer.from(text);
  let at = 0;
  const readChunk = () => {
    const piece = bytes.subarray(at, at + size);
    at += size;
    return piece.length === 0 ? undefined : piece;
  };
  return new VcdReader(readChunk, 'x.vcd');
}

function changes(vcd: VcdReader): string[] {
  const all: string[] = [];
  for (let change = vcd.next(); change !== undefined; change = vcd.next()) {
    all.push(`${change.timeNs}${change.id}${change.level ?? '-'}`);
  }
  return all;
}

describe('a VCD reader', () => {
  it.each([1, 2, 7, 64, 10_000])('takes wires and their changes, in pieces of %i bytes', (size) => {
    const vcd = reader(FULL, size);
    expect(vcd.wires.map(({ id, name, declaredAt }) => [id, name, declaredAt])).toEqual([
      ['!', 'A', 6],
      ['"', 'B[3]', 7],
      ['!', 'ALIAS', 11],
    ]);
    expect(changes(vcd)).toEqual(['0!0', '0"-', '1000!1', '5000"1', '5000!-', '5000!-', '1999900000!0']);
  });

  it.each([
    ['1s', 2_000_000_000],
    ['10 ms', 20_000_000],
    ['100us', 200_000],
    ['1ns', 2],
    ['100 ps', 0],
    ['10fs', 0],
  ])('honours a timescale of %s', (timescale, ns) => {
    const head = HEAD.replace('1 us', timescale);
    expect(changes(reader(`${head}$enddefinitions $end #1 0! #3 1!`))).toEqual(['0!0', `${ns}!1`]);
  });

  it('counts from the first time, however far from 0 and finely it is written', () => {
    const head = HEAD.replace('1 us', '1 ns');
    const text = `${head}$enddefinitions $end 0! #1800000000123456789 1! #1800000000123456790 0!`;
    expect(changes(reader(text))).toEqual(['0!0', '0!1', '1!0']);
  });

  it.each([
    ['', 'x.vcd:1: it ends before $enddefinitions'],
    ['hello world', "x.vcd:1: 'hello' before $enddefinitions: this is no VCD file"],
    [`\n\n${'x'.repeat(200_000)}`, `x.vcd:3: '${'x'.repeat(40)}...' before`],
    ['$timescale 1 us', "x.vcd:1: no $end for '$timescale'"],
    ['$timescale 5 ns $end', "'5 ns' is no timescale: 1, 10 or 100 of s, ms, us, ns, ps, fs"],
    ['$enddefinitions $end', 'no $timescale is declared'],
    [`${HEAD}$var wire 1 ! $end`, 'x.vcd:4: a variable is declared as'],
    [`${HEAD}$var wire many ! C $end`, 'x.vcd:4: a variable is declared as'],
  ])('refuses the declarations %j', (text, why) => {
    expect(() => reader(text)).toThrow(expect.objectContaining({ name: 'INVALID_ARGUMENT' }));
    expect(() => reader(text)).toThrow(why);
  });

  it.each([
    ['0?', "x.vcd:5: no variable has the identifier '?'"],
    ['0', "x.vcd:5: no variable has the identifier ''"],
    ['b1', "x.vcd:5: no variable has the identifier ''"],
    ['#5 1! #4', 'x.vcd:5: time goes back from #5 to #4'],
    ['#0 #9223372036854775808000', 'more than 104 days after the start'],
    ['#', "x.vcd:5: '#' is no time"],
    ['#-1', "'#-1' is no time"],
    ['\n\nwhat\u00e9', "x.vcd:7: 'what??' is neither a time nor a change"],
    ['$comment never ends', "x.vcd:5: no $end for '$comment'"],
    ['b12 !', "'b12' is neither"],
  ])('refuses the changes %j', (text, why) => {
    expect(() => changes(reader(`${HEAD}$enddefinitions $end\n${text}`))).toThrow(why);
  });
});
