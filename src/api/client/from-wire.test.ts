import { describe, expect, it } from 'vitest';
import { decode, encode } from '../msgpack/codec.js';
import { wireStatus } from '../server/wire-shapes.js';
import { statusOf } from './from-wire.js';

describe('a status', () => {
  it('is what it was, however long the daemon runs', () => {
    const status = {
      uptime_ms: 2 ** 40,
      memory: { rss_bytes: 5e9 },
      counters: { calls_failed: 2 ** 33, calls: 3 },
      coprocessors: [
        { boot_id: null, clock: { offset_ns: 2n ** 60n + 1n, drift_ppm: -0.5, error_ns: 2 ** 35 } },
      ],
    };
    const wire = decode(encode(wireStatus(status)));
    // Integers for every language, not floats.
    expect(wire).toMatchObject({ uptime_ms: 2n ** 40n, counters: { calls_failed: 2n ** 33n, calls: 3 } });
    expect(statusOf(wire)).toEqual({
      uptimeMs: 2 ** 40,
      memory: { rssBytes: 5e9 },
      counters: { calls_failed: 2 ** 33, calls: 3 },
      coprocessors: [{ bootId: null, clock: { offsetNs: 2n ** 60n + 1n, driftPpm: -0.5, errorNs: 2 ** 35 } }],
    });
  });
});
