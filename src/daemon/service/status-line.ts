import type { StatusSource } from '../../api/server/control-session.js';

/** What `systemctl status` shows of the daemon: long texts are of no use there. */
const LONGEST = 200;

/** One line of state: how many coprocessors and chips are up, and why the first of the others is not. */
export function statusLine(source: Pick<StatusSource, 'coprocessors' | 'chips'>): string {
  const coprocessors = source.coprocessors();
  const chips = source.chips();
  const away = coprocessors.filter(({ link_state, reason }) => link_state !== 'up' || reason !== null);
  const first = away[0];
  const parts = [
    `${coprocessors.length - away.length} of ${count(coprocessors.length, 'coprocessor')} up`,
    `${count(chips.length, 'chip')}`,
    ...(first === undefined ? [] : [`${first.name}: ${first.reason ?? first.link_state}`]),
    ...(away.length > 1 ? [`and ${away.length - 1} more`] : []),
  ];
  const line = parts.join(', ').replaceAll(/\p{Cc}+/gu, ' ');
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 3)}...`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
