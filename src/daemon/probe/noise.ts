/** What bytes that hold no valid frame most likely are. */
export type Noise = 'console' | 'wrong-speed';

/** Fewer bytes tell nothing; a line that is switched on gives a stray byte or two. */
const LEAST = 4;
/** A UART at the wrong rate gives about four printable bytes in ten. */
const MOSTLY = 0.8;

/** Text is a console's; anything else is what a UART makes of another rate. */
export function guessNoise(bytes: Uint8Array): Noise {
  if (bytes.length < LEAST) return 'wrong-speed';
  const printable = bytes.reduce((count, byte) => count + (isText(byte) ? 1 : 0), 0);
  return printable >= bytes.length * MOSTLY ? 'console' : 'wrong-speed';
}

/** Printable ASCII, what moves a cursor, and the escape that begins a colour. */
function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 0x07 && byte <= 0x0d) || byte === 0x1b;
}
