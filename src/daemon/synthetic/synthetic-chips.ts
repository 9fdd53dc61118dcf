import { isDeepStrictEqual } from 'node:util';
import type { Lifetime, WireSynthetic, WireSyntheticLine } from '../../api/schema.js';
import { type ApiServer, CHIP_NAME } from '../../api/server/api-server.js';
import type { SocketAccess } from '../../api/server/socket.js';
import type { SyntheticControl, TakeAway } from '../../api/server/synthetic-calls.js';
import { wireChipState } from '../../api/server/wire-shapes.js';
import type { Time } from '../../base/clock.js';
import { BridgeError, messageOf } from '../../base/errors.js';
import { Problems } from '../../base/problems.js';
import type { ChipDirectory } from '../../gpio/chip-directory.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import { isBound } from '../../gpio/synthetic/line-binding.js';
import { parseLineSpecs } from '../../gpio/synthetic/line-spec.js';
import { SyntheticChip } from '../../gpio/synthetic/synthetic-chip.js';
import type { CoprocessorConfig, DaemonConfig, SyntheticConfig } from '../config/config.js';
import type { LogFields } from '../log/line-format.js';
import type { ResolvedAccess } from '../socket-access.js';
import type { ChipStore, StoredChip } from '../state/chip-store.js';
import { type ClaimedLines, claimProblem, nameProblem, parentProblem } from './synthetic-checks.js';
import { checkDescription } from './synthetic-description.js';
import { lineRow } from './synthetic-lines.js';
import { UnservedChips } from './unserved-chips.js';
import { wireSynthetic } from './wire-synthetic.js';

export interface SyntheticChipsOptions {
  readonly api: ApiServer;
  /** The coprocessors' chips that are there. */
  readonly directory: ChipDirectory;
  /** Names of the coprocessors that are configured. */
  readonly coprocessors: () => readonly string[];
  /** Where chips are kept that outlive the daemon. */
  readonly store: ChipStore;
  readonly time: Time;
  readonly log: (level: 'info' | 'warn' | 'error', event: string, fields: LogFields) => void;
  /** The chips that are served are others now. */
  readonly onChange: () => void;
}

/** A synthetic chip of the configuration, with its user and group looked up. */
export interface ConfiguredSynthetic {
  readonly description: SyntheticDescription;
  readonly access: SocketAccess;
}

/** A synthetic chip on its socket, or on its way there. */
export interface ServedSynthetic extends ConfiguredSynthetic {
  readonly lifetime: WireSynthetic['lifetime'];
  readonly claim: ClaimedLines;
  readonly chip: SyntheticChip;
}

/** Most synthetic chips of one daemon: each has a socket. */
const MAX_SYNTHETIC_CHIPS = 4_096;

/** The synthetic chips of a daemon: of its configuration, and those made at run time. */
export class SyntheticChips implements SyntheticControl {
  readonly #options: SyntheticChipsOptions;
  readonly #served = new Map<string, ServedSynthetic>();
  readonly #unserved = new UnservedChips();
  /** Chips that are being taken away: their names and lines are free when that is done. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(options: SyntheticChipsOptions) {
    this.#options = options;
  }

  get served(): Iterable<ServedSynthetic> {
    return this.#served.values();
  }

  /**
   * Throws CONFIG_INVALID where a chip that was made at run time is in the way of a configuration, or
   * the name of one that is kept, with which the next daemon would not start.
   */
  checkConfiguration(
    synthetics: readonly SyntheticConfig[],
    coprocessors: readonly CoprocessorConfig[],
  ): void {
    const problems = new Problems();
    const configured = new Map(synthetics.map((synthetic) => [synthetic.description.name, synthetic]));
    const claims = synthetics.map(({ description }) => claimOf(description));
    const names = coprocessors.map(({ name }) => name);
    const takenName = (name: string): string | undefined =>
      configured.has(name) ? 'is in the configuration as well' : nameProblem(name, names);
    for (const { claim, lifetime } of this.#served.values()) {
      if (lifetime === 'configuration') continue;
      const { name } = claim;
      const problem = takenName(name) ?? claimProblem(claim, claims)?.message;
      if (problem !== undefined)
        problems.add(`chip '${name}', made at run time`, `${problem}: delete it first`);
    }
    for (const name of this.#unserved.names) {
      const problem = takenName(name);
      if (problem !== undefined)
        problems.add(`chip '${name}', kept and not served`, `${problem}: delete it first`);
    }
    problems.throwIfAny();
  }

  /** Takes away what another configuration does not have, or has otherwise. */
  async prune(wanted: readonly ConfiguredSynthetic[]): Promise<void> {
    const byName = new Map(wanted.map((each) => [each.description.name, each]));
    const changed = [...this.#served.values()].filter(({ description, access, lifetime }) => {
      const now = byName.get(description.name);
      return lifetime === 'configuration' && !isDeepStrictEqual(now, { description, access });
    });
    await Promise.all(changed.map((served) => this.#remove(served, 'the configuration changed')));
  }

  /** Makes the chips of a configuration that are not there; what cannot be served is logged. */
  async configure(wanted: readonly ConfiguredSynthetic[]): Promise<void> {
    for (const { description, access } of wanted) {
      const { name } = description;
      const there = this.#served.get(name);
      if (there?.lifetime === 'configuration') continue;
      try {
        if (there !== undefined) throw nameTaken(name);
        await this.#add(description, access, 'configuration');
      } catch (error) {
        this.#options.log('error', 'chip_not_served', { chip: name, error });
      }
    }
  }

  /** Makes the chips again that an earlier daemon kept; what cannot be served is logged, and stays kept. */
  async restore(stored: readonly StoredChip[]): Promise<void> {
    for (const chip of stored) {
      const { description, file } = chip;
      await this.#make(description, 'persistent', 'kept').catch((error: unknown) => {
        this.#unserved.add(chip, messageOf(error));
        this.#options.log('error', 'chip_not_served', { chip: description.name, file, error });
      });
    }
  }

  /** Tries those again that could not be served: what was in their way may be gone. */
  async retryUnserved(): Promise<void> {
    // One by one: while the first is made, others may be deleted.
    for (const name of this.#unserved.names) {
      const stored = this.#unserved.get(name);
      if (stored !== undefined) await this.restore([stored]);
    }
  }

  async make(description: SyntheticDescription, lifetime: Lifetime): Promise<TakeAway> {
    const { store } = this.#options;
    if (lifetime === 'persistent') store.checkUsable();
    const served = await this.#make(description, lifetime);
    try {
      if (lifetime === 'persistent') await store.save(description);
    } catch (thrown) {
      await this.#forget(description.name);
      await this.#remove(served, 'it could not be kept');
      throw thrown;
    }
    return () => this.#remove(served, 'its maker is gone');
  }

  /** Of a chip that could not be kept: its file may have got its name all the same. */
  async #forget(name: string): Promise<void> {
    await this.#options.store.remove(name).catch((error: unknown) => {
      this.#options.log('error', 'chip_not_forgotten', { chip: name, error });
    });
  }

  /** `kept`: a chip of the store, whose name is its own though it was not served so far. */
  async #make(
    description: SyntheticDescription,
    lifetime: Lifetime,
    origin: 'new' | 'kept' = 'new',
  ): Promise<ServedSynthetic> {
    const access = checkDescription(description);
    await this.#leaving.get(description.name);
    const { name } = description;
    const claim = claimOf(description);
    if (this.#served.has(name)) throw nameTaken(name);
    const kept = this.#unserved.describe(name);
    if (kept !== undefined && origin === 'new') throw new BridgeError('BUSY', `${kept}: delete it first`);
    if (this.#served.size >= MAX_SYNTHETIC_CHIPS) {
      throw new BridgeError('QUEUE_FULL', `there are ${MAX_SYNTHETIC_CHIPS} synthetic chips: delete some`);
    }
    const coprocessors = this.#options.coprocessors();
    const taken = nameProblem(name, coprocessors);
    if (taken !== undefined) throw new BridgeError('BUSY', taken);
    const problem =
      parentProblem(claim.lines, coprocessors, [...this.#served.keys()]) ??
      claimProblem(claim, this.#claims());
    if (problem !== undefined) throw problem;
    this.#unserved.delete(name);
    return this.#add(description, access, lifetime);
  }

  async delete(name: string): Promise<void> {
    const { store } = this.#options;
    // One that is kept, and could not be served.
    if (!this.#served.has(name) && CHIP_NAME.test(name) && store.has(name)) {
      await store.remove(name);
      this.#unserved.delete(name);
      // It may have been possible to serve it in the meantime.
      if (!this.#served.has(name)) return;
    }
    const served = this.#find(name);
    if (served.lifetime === 'configuration') {
      throw new BridgeError(
        'NOT_SUPPORTED',
        `chip '${name}' is in the configuration: take it out there, and reload the daemon`,
      );
    }
    // Should the daemon die in between, it is gone after the next start.
    await store.remove(name);
    await this.#remove(served, 'it was deleted');
  }

  list(): readonly WireSynthetic[] {
    const served = [...this.#served.values()].map(({ description, lifetime, chip }) =>
      wireSynthetic(description, { lifetime, state: wireChipState(chip.fullState) }),
    );
    return [...served, ...this.#unserved.list()];
  }

  lines(name: string): readonly WireSyntheticLine[] {
    const unserved = this.#unserved.lines(name);
    if (unserved !== undefined) return unserved;
    const { chip } = this.#find(name);
    return chip.bindings.map((line, offset) => lineRow(chip.lineInfo(offset), line));
  }

  /** Takes all away; resolves when their lines are free. */
  async close(reason: string): Promise<void> {
    await Promise.all([...this.#served.values()].map((served) => this.#remove(served, reason)));
  }

  async #add(
    description: SyntheticDescription,
    access: SocketAccess,
    lifetime: WireSynthetic['lifetime'],
  ): Promise<ServedSynthetic> {
    const { api, directory, time, log, onChange } = this.#options;
    const chip = new SyntheticChip({ description, directory, clock: time, timers: time });
    const { name } = description;
    const served = { description, access, lifetime, claim: claimOf(description), chip };
    this.#served.set(name, served);
    try {
      if (lifetime !== 'configuration') checkFree(chip, directory);
      await api.addChip(chip, access);
    } catch (thrown) {
      this.#served.delete(name);
      await chip.close('it could not be served');
      throw thrown;
    }
    log('info', 'chip_added', { chip: name, lines: chip.lineCount, made_of: description.lines.join(' ') });
    chip.state$.subscribe(({ kind }) => {
      if (kind === 'up') this.#tellMissing(chip);
    });
    onChange();
    return served;
  }

  /** Its coprocessors are up, and may not have all its lines. */
  #tellMissing(chip: SyntheticChip): void {
    const missing = chip.bindings.flatMap(({ binding }, line) =>
      isBound(binding) ? [] : [{ line, reason: binding.problem.message }],
    );
    if (missing.length === 0) return;
    const lines = missing.map(({ line }) => line).join(',');
    this.#options.log('warn', 'lines_missing', { chip: chip.name, lines, reason: missing[0]!.reason });
  }

  /** Takes this chip away, if it is there: not another one that has its name by now. */
  async #remove(served: ServedSynthetic, reason: string): Promise<void> {
    const { name } = served.chip;
    if (this.#served.get(name) !== served) return;
    const leaving = this.#leaving.get(name) ?? this.#takeAway(served, reason);
    this.#leaving.set(name, leaving);
    await leaving;
  }

  async #takeAway({ chip }: ServedSynthetic, reason: string): Promise<void> {
    const { api, log, onChange } = this.#options;
    const { name } = chip;
    // Both at once: slow readers of its events do not keep its lines from others.
    const unserved = api.removeChip(name, `chip '${name}': ${reason}`);
    await chip.close(reason);
    this.#served.delete(name);
    this.#leaving.delete(name);
    for (const other of this.#served.values()) other.chip.retry();
    log('info', 'chip_removed', { chip: name, reason });
    onChange();
    await unserved;
  }

  #find(name: string): ServedSynthetic {
    const served = this.#served.get(name);
    if (served !== undefined) return served;
    throw new BridgeError('NOT_FOUND', `there is no synthetic chip '${name.slice(0, 64)}'`);
  }

  *#claims() {
    for (const { claim } of this.#served.values()) yield claim;
  }
}

/** The synthetic chips of a configuration, ready to be made. */
export function configuredSynthetics(
  { synthetics }: DaemonConfig,
  access: ResolvedAccess,
): readonly ConfiguredSynthetic[] {
  return synthetics.map(({ description }) => ({
    description,
    access: access.synthetics.get(description.name)!,
  }));
}

function nameTaken(name: string): BridgeError {
  return new BridgeError('BUSY', `there is a synthetic chip '${name}' already`);
}

function claimOf({ name, lines, shared }: SyntheticDescription): ClaimedLines {
  return { name, lines: parseLineSpecs(lines), shared };
}

/**
 * A chip that is made now has to get its lines now, as far as their chips are there: throws what is
 * in the way of the first that it does not get.
 */
function checkFree(chip: SyntheticChip, directory: ChipDirectory): void {
  for (const { spec, binding } of chip.bindings) {
    if (!isBound(binding)) {
      if (binding.problem.name !== 'LINK_DOWN') throw binding.problem;
      continue;
    }
    const { consumer, throughChip } = directory.get(spec.parent)!.lineInfo(binding.offset);
    const inUse = consumer !== undefined && throughChip === undefined;
    if (!inUse || binding.reservation.shared) continue;
    throw new BridgeError(
      'BUSY',
      `line ${binding.offset} of chip '${spec.parent}' is in use by '${consumer}': release it first, or share it`,
    );
  }
}
