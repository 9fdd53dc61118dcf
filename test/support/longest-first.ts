import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, of any tier: the last file of a run has a core to itself, and leaves the other idle. */
const LONGEST = [
  'option-table.test.ts',
  'dialects.test.ts',
  'dialects-processes.test.ts',
  'notify.test.ts',
  'probe.test.ts',
  'fuzz.deep.test.ts',
  'arq.explore.deep.test.ts',
  'virtual-machine-kill.kernel.ts',
  'rpmsg-link.kernel.ts',
  'virtual-machine-kills.kernel.ts',
  'rpmsg.kernel.ts',
].map((name) => `/${name}`);

const rank = ({ moduleId }: TestSpecification): number => {
  const place = LONGEST.findIndex((name) => moduleId.endsWith(name));
  return place < 0 ? LONGEST.length : place;
};

/** The longest files first, then as vitest has them. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
