import type { RequestEvent } from '../api/client/types.js';
import type { EdgeEvent } from '../events/edge-event.js';
import type { NameOf } from './event-text.js';
import { toJson } from './output.js';

/** Events as JSON, one object a line (docs/cli.md, "Events as JSON"). */
export function renderJson(events: readonly RequestEvent[], nameOf: NameOf): string {
  let out = '';
  for (const event of events) {
    out +=
      event.type === 'edge'
        ? edgeJson(event, nameOf(event.chip, event.offset))
        : toJson(otherObject(event, nameOf));
    out += '\n';
  }
  return out;
}

/** By hand: the general way costs several times as much, and edges come by the hundred thousand. */
function edgeJson(event: EdgeEvent, name: string | undefined): string {
  const boottime = event.boottimeNs === undefined ? '' : `,"boottime_ns":"${event.boottimeNs}"`;
  return (
    `{"type":"edge","chip":${JSON.stringify(event.chip)},"offset":${event.offset},"name":${JSON.stringify(name ?? null)},` +
    `"edge":"${event.edge}","timestamp_ns":"${event.timestampNs}","clock":"${event.clock}",` +
    `"stamped_by":"${event.stampedBy}","uncertainty_ns":"${event.uncertaintyNs}"${boottime},` +
    `"seqno":${event.seqno},"line_seqno":${event.lineSeqno},"lost":${event.lost},"level_source":"${event.levelSource}"}`
  );
}

function otherObject(event: Exclude<RequestEvent, EdgeEvent>, nameOf: NameOf): object {
  if (event.type !== 'gap') return event;
  const { type, chip, offset, ...rest } = event;
  if (offset === undefined) return { type, chip, ...rest };
  return { type, chip, offset, name: nameOf(chip, offset) ?? null, ...rest };
}
