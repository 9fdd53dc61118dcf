import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { type LinkPair, packetLinkContract } from '../../test/contract/packet-link.js';
import { systemTime } from '../linux/clock.js';
import { memoryLinkPair } from './memory.js';
import { seqpacketLinkPair } from './messages/seqpacket.js';
import { listen, openLink } from './open.js';
import type { PacketLink } from './packet-link.js';
import { SerialLink } from './serial/serial-link.js';
import { listenOn } from './streams/listen.js';
import { parseListenUrl } from './url.js';

/** Both ends over real streams: the device's end listens, the driver's opens the URL. */
async function overStream(
  listenUrl: (folder: string) => string,
  openUrl: (listener: string) => string,
): Promise<LinkPair> {
  const folder = mkdtempSync(join(tmpdir(), 'gpiobridge-'));
  const url = parseListenUrl(listenUrl(folder));
  if (url.kind === 'seqpacket') throw new Error('no stream');
  const listener = await listenOn(url, systemTime);
  const device = new Promise<PacketLink>((resolve) => {
    listener.streams$.subscribe((stream) => {
      const options = { role: 'device', time: systemTime, random: Math.random } as const;
      resolve(new SerialLink(stream.name, stream, options));
    });
  });
  const driver = openLink(openUrl(listener.name), { time: systemTime, random: Math.random });
  return {
    driver,
    device: await device,
    cleanUp: async () => {
      await listener.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Both ends over sockets that carry messages, found by their URL. */
async function overSeqpacket(): Promise<LinkPair> {
  const folder = mkdtempSync(join(tmpdir(), 'gpiobridge-'));
  const listener = await listen(`seqpacket:${folder}/hub`, systemTime);
  if (!('links$' in listener)) throw new Error('no links');
  const device = firstValueFrom(listener.links$);
  const driver = openLink(listener.name, { time: systemTime, random: Math.random });
  return {
    driver,
    device: await device,
    cleanUp: async () => {
      await listener.close();
      rmSync(folder, { recursive: true });
    },
  };
}

packetLinkContract('messages over a SOCK_SEQPACKET socket', overSeqpacket);

packetLinkContract('messages over a pair of SOCK_SEQPACKET sockets', () => {
  const [driver, device] = seqpacketLinkPair(systemTime);
  return { driver, device };
});

packetLinkContract('memory', () => {
  const [driver, device] = memoryLinkPair({ clock: systemTime });
  return { driver, device };
});

packetLinkContract('serial over a Unix socket', () =>
  overStream(
    (folder) => `unix:${folder}/hub`,
    (listener) => `${listener}?mode=reliable`,
  ),
);

packetLinkContract('serial over TCP', () =>
  overStream(
    () => 'tcp:127.0.0.1:0',
    (listener) => listener,
  ),
);

packetLinkContract('serial over a pty', () =>
  overStream(
    (folder) => `pty:${folder}/hub`,
    (listener) => `${listener.replace('pty:', 'serial:')}?baud=921600`,
  ),
);
