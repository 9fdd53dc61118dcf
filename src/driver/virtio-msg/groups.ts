/** Lines worked on at a time: few enough that their time limits do not run out on a slow line. */
const GROUP = 32;

/** Does the work for every item, some at a time; rejects when what is under way is done. */
export async function inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += GROUP) {
    results.push(...(await allOf(items.slice(at, at + GROUP).map(work))));
  }
  return results;
}

/** As Promise.all, but waits for all of them before it rejects, so that nothing goes on behind. */
export async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}
