import { systemTime } from '../../src/linux/clock.js';
import { packetLinkContract } from '../../test/contract/packet-link.js';
import { EndpointLink } from './endpoint-link.js';

const BUFFERS = 64;

/** The buffers of one direction: each is free again when the other end has read it. */
class Buffers {
  room = BUFFERS;
  private sender: EndpointLink | undefined;
  private receiver: EndpointLink | undefined;

  connect(sender: EndpointLink, receiver: EndpointLink): void {
    this.sender = sender;
    this.receiver = receiver;
  }

  send(packet: Uint8Array): void {
    this.room--;
    setImmediate(() => {
      this.room++;
      this.receiver!.receive(packet, systemTime.monotonicNs());
      this.sender!.makeRoom();
    });
  }

  closed(): void {
    this.receiver!.end('gone', 'the other end is gone');
  }
}

packetLinkContract('an endpoint of a remote processor', () => {
  const there = new Buffers();
  const back = new Buffers();
  const driver = new EndpointLink('rpmsg:driver', there);
  const device = new EndpointLink('rpmsg:device', back);
  there.connect(driver, device);
  back.connect(device, driver);
  return { driver, device };
});
