import { RemoteprocTree } from '../../linux/remoteproc.js';
import { type RpmsgCalls, rpmsgCalls } from '../../linux/rpmsg.js';
import { RpmsgTree } from '../../linux/rpmsg-tree.js';
import { type Uevent, Uevents } from '../../linux/uevents.js';

/** Until when something is watched. */
export interface Watch {
  close(): void;
}

/** Where the kernel shows its devices. */
export interface DeviceTrees {
  readonly rpmsg: RpmsgTree;
  readonly processors: RemoteprocTree;
}

/** Where devices are found, and how they are opened. */
export interface RpmsgPlaces {
  readonly trees: DeviceTrees;
  /** Where device nodes are: `/dev`. */
  readonly dev: string;
  readonly calls: RpmsgCalls;
  /** Hears the kernel's messages about devices. Throws where this process cannot. */
  readonly hearKernel: (heard: (event: Uevent) => void) => Watch;
}

/** The machine that this runs on. */
export const systemPlaces: RpmsgPlaces = {
  trees: { rpmsg: new RpmsgTree(), processors: new RemoteprocTree() },
  dev: '/dev',
  calls: rpmsgCalls,
  hearKernel: (heard) => new Uevents(heard),
};
