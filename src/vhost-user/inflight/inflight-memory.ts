import { closeSync, fstatSync } from 'node:fs';
import { createSharedMemory, isSealedAgainstShrinking, MappedMemory } from '../../linux/mapped-memory.js';
import type { InflightDescription } from '../../wire/vhost-user.js';
import { ProtocolViolation } from '../violation.js';
import { InflightQueue, inflightLength } from './inflight-queue.js';

const MAX_BYTES = 64n * 1024n * 1024n;

/** Makes the memory that GET_INFLIGHT_FD asks for, sealed. The descriptor is the caller's. */
export function createInflight(queueCount: number, queueSize: number): InflightDescription & { fd: number } {
  const length = queueCount * inflightLength(queueSize);
  const fd = createSharedMemory('vhost-user-inflight', Math.max(length, 1));
  return { fd, mmapSize: BigInt(length), mmapOffset: 0n, queueCount, queueSize };
}

/** The record that the front end keeps, as SET_INFLIGHT_FD brings it. */
export class InflightMemory {
  readonly queues: readonly InflightQueue[];
  /** As of GuestMemory. */
  readonly isSealed: boolean;
  private readonly memory: MappedMemory;

  /** Takes the descriptor over, whatever happens. Throws a ProtocolViolation or a SystemCallError. */
  constructor(description: InflightDescription, fd: number) {
    const { mmapSize, mmapOffset, queueCount, queueSize } = description;
    try {
      const needed = BigInt(queueCount * inflightLength(queueSize));
      if (mmapOffset % 8n !== 0n || mmapOffset + mmapSize > MAX_BYTES || needed > mmapSize) {
        throw new ProtocolViolation(`an inflight record of ${mmapSize} bytes for ${queueCount} queues`);
      }
      const end = Number(mmapOffset + mmapSize);
      if (fstatSync(fd).size < end)
        throw new ProtocolViolation('the inflight record is longer than its file');
      this.memory = new MappedMemory(fd, end);
      this.isSealed = isSealedAgainstShrinking(fd);
      const view = this.memory.view(Number(mmapOffset), Number(mmapSize));
      this.queues = Array.from(
        { length: queueCount },
        (_, i) => new InflightQueue(view, i * inflightLength(queueSize), queueSize),
      );
    } finally {
      closeSync(fd);
    }
  }

  close(): void {
    for (const queue of this.queues) queue.drop();
    this.memory.unmap();
  }
}
