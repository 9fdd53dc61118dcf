import { describe, expect, it } from 'vitest';
import { parseLinkUrl, parseListenUrl } from './url.js';

describe('link URLs', () => {
  it.each([
    ['serial:/dev/ttyACM0', { kind: 'serial', path: '/dev/ttyACM0', baud: undefined, mode: 'auto' }],
    [
      'serial:/dev/x?baud=921600&mode=plain',
      { kind: 'serial', path: '/dev/x', baud: 921_600, mode: 'plain' },
    ],
    ['serial:/dev/a:b?', { kind: 'serial', path: '/dev/a:b', baud: undefined, mode: 'auto' }],
    ['unix:/run/hub.sock?mode=reliable', { kind: 'unix', path: '/run/hub.sock', mode: 'reliable' }],
    ['unix:hub.sock', { kind: 'unix', path: 'hub.sock', mode: 'auto' }],
    ['tcp:hub.local:4000', { kind: 'tcp', host: 'hub.local', port: 4000, mode: 'auto' }],
    ['seqpacket:/run/hub.sock', { kind: 'seqpacket', path: '/run/hub.sock' }],
    ['rpmsg:/dev/rpmsg3', { kind: 'rpmsg', path: '/dev/rpmsg3' }],
    [
      'rpmsg:rpmsg-raw',
      { kind: 'rpmsg-service', service: 'rpmsg-raw', src: undefined, dst: undefined, processor: undefined },
    ],
    [
      'rpmsg:io?src=1025&dst=0x400&processor=m4',
      { kind: 'rpmsg-service', service: 'io', src: 1025, dst: 1024, processor: 'm4' },
    ],
    ['tcp:[::1]:4000?mode=auto', { kind: 'tcp', host: '::1', port: 4000, mode: 'auto' }],
  ])('reads %s', (url, parsed) => {
    expect(parseLinkUrl(url)).toEqual(parsed);
  });

  it.each([
    ['/dev/ttyACM0', /the kind is missing; use serial:/],
    ['usb:/dev/x', /'usb:' is no kind of link/],
    ['serial:', /the device is missing/],
    ['serial:ttyACM0', /absolute path, not 'ttyACM0'/],
    ['serial:/dev/x?baud=fast', /baud must be a number from 50 to 20000000, not 'fast'/],
    ['serial:/dev/x?baud=', /baud must be/],
    ['serial:/dev/x?baud=49', /baud must be/],
    ['serial:/dev/x?baud=99999999', /baud must be/],
    ['serial:/dev/x?baud', /'baud' has no value/],
    ['serial:/dev/x?baud=9600&baud=9600', /'baud' is given twice/],
    ['serial:/dev/x?bits=8', /unknown option 'bits'; known: baud, mode/],
    [
      'serial:dev/x?baud=abc&mode=foo&zz=1',
      /unknown option 'zz'.*; the device must be .*; baud must be .*'abc'; mode must be .*'foo'$/,
    ],
    ['serial:/dev/x?mode=fast', /mode must be auto, reliable, plain, not 'fast'/],
    ['unix:', /the path of the socket is missing/],
    ['unix:/x?baud=9600', /unknown option 'baud'; known: mode/],
    [`unix:/${'x'.repeat(120)}`, /121 bytes; a socket's may have 107/],
    ['seqpacket:', /the path of the socket is missing/],
    ['seqpacket:/x?mode=plain', /unknown option 'mode'; none is known here/],
    ['rpmsg:', /the service is missing: rpmsg:SERVICE, or rpmsg:/],
    ['rpmsg:dev/rpmsg0', /'dev\/rpmsg0' is no name of a service/],
    [`rpmsg:${'x'.repeat(32)}`, /up to 31 bytes/],
    ['rpmsg:io?src=-1', /src must be an address from 0 to 0xfffffffe, not '-1'/],
    ['rpmsg:io?dst=0xffffffff', /dst must be an address/],
    ['rpmsg:io?mode=plain', /unknown option 'mode'; known: src, dst, processor/],
    ['rpmsg:/dev/rpmsg0?dst=1', /unknown option 'dst'; none is known here/],
    ['tcp:4000', /tcp:HOST:PORT/],
    ['tcp:::1:4000', /tcp:\[::1\]:PORT/],
    ['tcp::4000', /the host is missing/],
    ['tcp:hub:0', /port must be a number from 1 to 65535, not '0'/],
    ['tcp:hub:65536', /port must be/],
    ['tcp:hub:http', /port must be/],
  ])('says what is wrong with %s', (url, message) => {
    expect(() => parseLinkUrl(url)).toThrow(message);
    expect(() => parseLinkUrl(url)).toThrow(expect.objectContaining({ name: 'INVALID_ARGUMENT' }));
    expect(() => parseLinkUrl(url)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('\n') }),
    );
  });
});

describe('listen URLs', () => {
  it.each([
    ['pty:/tmp/hub', { kind: 'pty', path: '/tmp/hub' }],
    ['unix:/tmp/hub.sock', { kind: 'unix', path: '/tmp/hub.sock' }],
    ['tcp:127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['seqpacket:/tmp/hub.sock', { kind: 'seqpacket', path: '/tmp/hub.sock' }],
  ])('reads %s', (url, parsed) => {
    expect(parseListenUrl(url)).toEqual(parsed);
  });

  it.each([
    ['hub', /the kind is missing/],
    ['serial:/dev/x', /'serial:' is nothing to listen on; use pty:/],
    ['pty:', /symbolic link is missing/],
    ['pty:/x?baud=1', /unknown option 'baud'; none is known here/],
    ['tcp:host:-1', /port must be a number from 0/],
  ])('says what is wrong with %s', (url, message) => {
    expect(() => parseListenUrl(url)).toThrow(message);
  });
});
