import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of the kernel tier that take longest: the last file of a run has a core to itself, and leaves the other idle. */
const LONGEST = ['virtual-machine-kill', 'rpmsg-link', 'virtual-machine-kills', 'rpmsg'].map(
  (name) => `/${name}.kernel.ts`,
);

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
