import { closeSync } from 'node:fs';
import {
  type ConfigRange,
  configPayload,
  inflightPayload,
  MAX_CONFIG,
  PROTOCOL_FEATURE,
  REQUEST,
  readConfigRange,
  readInflight,
  readMemoryTable,
  readU64,
  readVringAddresses,
  readVringDescriptor,
  readVringState,
  TRANSPORT_FEATURE,
  u64Payload,
  vringStatePayload,
} from '../wire/vhost-user.js';
import type { BackendCounters } from './counters.js';
import type { VhostUserDevice } from './device.js';
import { type DriverEvents, DriverRun } from './driver-run.js';
import type { DeviceRecord } from './inflight/device-record.js';
import { createInflight, InflightMemory } from './inflight/inflight-memory.js';
import { GuestMemory } from './memory/guest-memory.js';
import { ProtocolViolation } from './violation.js';
import { Vring } from './vring.js';

const bit = (feature: number): bigint => 1n << BigInt(feature);

const TRANSPORT_FEATURES =
  bit(TRANSPORT_FEATURE.RING_INDIRECT_DESC) |
  bit(TRANSPORT_FEATURE.PROTOCOL_FEATURES) |
  bit(TRANSPORT_FEATURE.VERSION_1);

const PROTOCOL_FEATURES =
  bit(PROTOCOL_FEATURE.MQ) |
  bit(PROTOCOL_FEATURE.REPLY_ACK) |
  bit(PROTOCOL_FEATURE.CONFIG) |
  bit(PROTOCOL_FEATURE.INFLIGHT_SHMFD) |
  bit(PROTOCOL_FEATURE.RESET_DEVICE);

/** Bits that the specification leaves to device types: 0 to 23 and 50 to 63. */
const DEVICE_TYPE_FEATURES = 0xfffc_0000_00ff_ffffn;
const MAX_QUEUE_SIZE = 32_768;

const VRING_STATE_REQUESTS: readonly number[] = [
  REQUEST.SET_VRING_NUM,
  REQUEST.SET_VRING_BASE,
  REQUEST.GET_VRING_BASE,
  REQUEST.SET_VRING_ENABLE,
];

export interface SessionOptions {
  readonly device: VhostUserDevice;
  readonly record: DeviceRecord;
  readonly counters: BackendCounters;
  readonly events: DriverEvents;
}

/** What goes back for a message: a reply of its own, with descriptors that are closed once they are sent. */
export interface Reply {
  readonly payload: Uint8Array;
  readonly descriptors?: readonly number[];
}

export type Outcome = Reply | 'refused' | undefined;

/**
 * What one connection of a front end negotiates and sets up: features, memory, queues. Takes messages
 * one by one and gives their replies; when a queue is complete it runs.
 */
export class Session {
  private features = 0n;
  private protocolFeatures = 0n;
  private memory: GuestMemory | undefined;
  private inflight: InflightMemory | undefined;
  private toldUnsealed = false;
  private readonly vrings: readonly Vring[];
  private readonly run: DriverRun;

  constructor(private readonly options: SessionOptions) {
    const { device, counters, events } = options;
    const queueEvents = {
      available: (index: number, head: number, writable: number, bytes: Uint8Array, length: number) =>
        device.bufferAvailable(index, head, writable, bytes, 0, length),
      broken: (index: number, reason: string) => {
        device.resetQueue(index);
        events.broken(index, reason);
      },
    };
    this.vrings = device.maxQueueSizes.map((_, index) => new Vring(index, queueEvents, counters));
    this.run = new DriverRun(options, this.vrings);
  }

  /** Whether REPLY_ACK was negotiated. */
  get acknowledges(): boolean {
    return this.hasProtocol(PROTOCOL_FEATURE.REPLY_ACK);
  }

  /**
   * Does what a message asks for; takes its descriptors over. Returns a reply where the message has one
   * of its own, `refused` where it is not known here or cannot be done. Throws a ProtocolViolation or a
   * SystemCallError, after which the session is to be closed.
   */
  handle(request: number, payload: Uint8Array, descriptors: readonly number[]): Outcome {
    switch (request) {
      case REQUEST.SET_MEM_TABLE:
        this.setMemory(payload, descriptors);
        return undefined;
      case REQUEST.SET_VRING_KICK:
      case REQUEST.SET_VRING_CALL:
      case REQUEST.SET_VRING_ERR:
        this.setDescriptor(request, payload, descriptors);
        return undefined;
      case REQUEST.SET_INFLIGHT_FD:
        this.setInflight(payload, descriptors);
        return undefined;
      default:
        for (const fd of descriptors) closeSync(fd);
        return this.handlePlain(request, payload);
    }
  }

  /** The connection is gone. What was recorded stays. */
  close(): void {
    this.run.lost();
    for (const vring of this.vrings) vring.close();
    this.memory?.close();
    this.inflight?.close();
    this.memory = undefined;
    this.inflight = undefined;
  }

  private handlePlain(request: number, payload: Uint8Array): Outcome {
    switch (request) {
      case REQUEST.GET_FEATURES:
        return { payload: u64Payload(this.offered()) };
      case REQUEST.SET_FEATURES:
        return this.setFeatures(need(readU64(payload), request));
      case REQUEST.GET_PROTOCOL_FEATURES:
        return { payload: u64Payload(PROTOCOL_FEATURES) };
      case REQUEST.SET_PROTOCOL_FEATURES:
        this.protocolFeatures = need(readU64(payload), request) & PROTOCOL_FEATURES;
        return undefined;
      case REQUEST.GET_QUEUE_NUM:
        return { payload: u64Payload(BigInt(this.vrings.length)) };
      case REQUEST.SET_OWNER:
        return undefined;
      case REQUEST.RESET_OWNER:
      case REQUEST.RESET_DEVICE:
        this.run.reset();
        return undefined;
      case REQUEST.GET_CONFIG:
        return { payload: this.config(need(readConfigRange(payload), request)) };
      case REQUEST.SET_CONFIG:
        // A guest may write to what is only read; that is no reason to take the device away.
        return 'refused';
      case REQUEST.GET_INFLIGHT_FD:
        return this.makeInflight(payload);
      default:
        return this.handleVring(request, payload);
    }
  }

  private handleVring(request: number, payload: Uint8Array): Outcome {
    if (request === REQUEST.SET_VRING_ADDR) {
      const addresses = need(readVringAddresses(payload), request);
      const vring = this.vring(addresses.index);
      // A front end that logs dirty pages repeats them; they are moved only while the queue stands.
      if (!vring.isRunning) vring.addresses = addresses;
      return undefined;
    }
    if (!VRING_STATE_REQUESTS.includes(request)) return 'refused';
    const { index, value } = need(readVringState(payload), request);
    const vring = this.vring(index);
    switch (request) {
      case REQUEST.SET_VRING_NUM:
        this.setSize(vring, value);
        return undefined;
      case REQUEST.SET_VRING_BASE:
        if (vring.isRunning) throw new ProtocolViolation(`the base of queue ${index} is set while it runs`);
        vring.base = value & 0xffff;
        return undefined;
      case REQUEST.GET_VRING_BASE:
        return { payload: vringStatePayload({ index, value: this.run.stop(vring) }) };
      default:
        if (value === 0) vring.disable();
        else this.enable(vring);
        return undefined;
    }
  }

  private offered(): bigint {
    return (this.options.device.offeredFeatures & DEVICE_TYPE_FEATURES) | TRANSPORT_FEATURES;
  }

  private setFeatures(features: bigint): undefined {
    const negotiated = features & ~bit(TRANSPORT_FEATURE.PROTOCOL_FEATURES);
    if ((features & ~this.offered()) !== 0n || !this.options.device.acceptsFeatures(negotiated)) {
      throw new ProtocolViolation(`features 0x${features.toString(16)} were not offered, or not together`);
    }
    this.features = features;
    return undefined;
  }

  private hasProtocol(feature: number): boolean {
    return (this.protocolFeatures & bit(feature)) !== 0n;
  }

  private config(range: ConfigRange): Uint8Array {
    const { offset, size } = range;
    if (size > MAX_CONFIG || offset + size > MAX_CONFIG) return new Uint8Array(0);
    // What the device has less than the front end asks for reads as 0.
    const bytes = new Uint8Array(size);
    bytes.set(this.options.device.config.subarray(offset, offset + size));
    return configPayload(range, bytes);
  }

  private setMemory(payload: Uint8Array, descriptors: readonly number[]): void {
    const regions = readMemoryTable(payload);
    if (regions === undefined) {
      for (const fd of descriptors) closeSync(fd);
      throw new ProtocolViolation('the memory table is cut, or has too many regions');
    }
    const before = this.memory;
    const memory = new GuestMemory(regions, descriptors);
    this.memory = memory;
    this.mind(memory);
    // Nobody may look at the old mapping when it goes.
    for (const vring of this.vrings) vring.unmap();
    before?.close();
    for (const vring of this.vrings) vring.remap(memory);
  }

  private setSize(vring: Vring, size: number): void {
    const most = Math.min(MAX_QUEUE_SIZE, this.options.device.maxQueueSizes[vring.index]!);
    if (size < 1 || size > most || (size & (size - 1)) !== 0) {
      throw new ProtocolViolation(`queue ${vring.index} cannot have ${size} buffers: at most ${most}`);
    }
    if (vring.isRunning) throw new ProtocolViolation(`queue ${vring.index} is resized while it runs`);
    vring.size = size;
  }

  private setDescriptor(request: number, payload: Uint8Array, descriptors: readonly number[]): void {
    const what = readVringDescriptor(payload);
    const vring = what === undefined ? undefined : this.vrings[what.index];
    const fd = descriptors[0];
    if (vring === undefined || descriptors.length > 1 || what!.hasDescriptor !== (fd !== undefined)) {
      for (const each of descriptors) closeSync(each);
      throw new ProtocolViolation(`message ${request} has a wrong queue, or descriptors that do not fit it`);
    }
    if (request === REQUEST.SET_VRING_CALL) vring.setCall(fd);
    else if (request === REQUEST.SET_VRING_ERR) vring.setError(fd);
    else if (fd === undefined) throw new ProtocolViolation(`queue ${vring.index} would have to be polled`);
    else this.setKick(vring, fd);
  }

  private setKick(vring: Vring, fd: number): void {
    vring.setKick(fd);
    const startsEnabled = (this.features & bit(TRANSPORT_FEATURE.PROTOCOL_FEATURES)) === 0n;
    if (startsEnabled || vring.enabled) this.enable(vring);
  }

  private enable(vring: Vring): void {
    vring.enabled = true;
    if (!vring.isConfigured) return;
    if (this.memory === undefined) throw new ProtocolViolation('a queue starts before there is memory');
    const indirect = (this.features & bit(TRANSPORT_FEATURE.RING_INDIRECT_DESC)) !== 0n;
    this.run.enable(vring, {
      features: this.features & ~bit(TRANSPORT_FEATURE.PROTOCOL_FEATURES),
      memory: this.memory,
      inflight: this.inflight,
      indirect,
    });
  }

  private makeInflight(payload: Uint8Array): Reply {
    const { queueCount, queueSize } = need(readInflight(payload), REQUEST.GET_INFLIGHT_FD);
    if (queueCount < 1 || queueCount > this.vrings.length || queueSize < 1 || queueSize > MAX_QUEUE_SIZE) {
      throw new ProtocolViolation(`an inflight record for ${queueCount} queues of ${queueSize}`);
    }
    const made = createInflight(queueCount, queueSize);
    return { payload: inflightPayload(made), descriptors: [made.fd] };
  }

  private setInflight(payload: Uint8Array, descriptors: readonly number[]): void {
    const description = readInflight(payload);
    const [fd] = descriptors;
    if (description === undefined || fd === undefined || descriptors.length > 1) {
      for (const each of descriptors) closeSync(each);
      throw new ProtocolViolation('the inflight record is cut, or comes without its file');
    }
    if (this.vrings.some((vring) => vring.isRunning)) {
      closeSync(fd);
      throw new ProtocolViolation('the inflight record is changed while queues run');
    }
    this.inflight?.close();
    this.inflight = undefined;
    this.inflight = new InflightMemory(description, fd);
    this.mind(this.inflight);
  }

  private mind({ isSealed }: GuestMemory | InflightMemory): void {
    if (isSealed || this.toldUnsealed) return;
    this.toldUnsealed = true;
    this.options.events.unsealed();
  }

  private vring(index: number): Vring {
    const vring = this.vrings[index];
    if (vring === undefined) throw new ProtocolViolation(`queue ${index} of ${this.vrings.length}`);
    return vring;
  }
}

function need<Value>(value: Value | undefined, request: number): Value {
  if (value === undefined) throw new ProtocolViolation(`message ${request} is cut`);
  return value;
}
