import type { Drive } from '../drive.js';
import type { Fault } from '../fault.js';
import type { Stimulus } from '../stimulus.js';

/** What a step does. `key` is where it stands in the file, for messages: `step[2].drive`. */
export type ScenarioAction = { readonly key: string } & (
  | { readonly kind: 'clear-faults' | 'stop-stimuli' | 'reboot' | 'close-ports' | 'open-ports' }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'drive'; readonly drive: Drive }
  | { readonly kind: 'stimulus'; readonly stimulus: Stimulus }
);

/** Something that happens once, or again and again. */
export interface ScenarioStep {
  /** Since the scenario's time 0, ns. */
  readonly atNs: number;
  /** From one time to the next, ns; of no meaning where `times` is 1. */
  readonly everyNs: number;
  /** How often in all; Infinity: to the end of the scenario. */
  readonly times: number;
  /** In the order in which they are done. */
  readonly actions: readonly ScenarioAction[];
}

/** A sequence of what the world does to a coprocessor, and what goes wrong with it. */
export interface Scenario {
  /** Its name in messages. */
  readonly file: string;
  /** When its time 0 is: at once, or when a driver has brought all controllers up. */
  readonly start: 'now' | 'driver';
  /** When it ends, ns; undefined: after the last step. */
  readonly durationNs: number | undefined;
  readonly steps: readonly ScenarioStep[];
}
