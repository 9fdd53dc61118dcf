import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EDGE_FLAG } from '../../src/api/event-rows.js';
import { MAX_MESSAGE, MAX_PAGE, METHOD, NOTIFICATION } from '../../src/api/schema.js';
import { DEFAULT_API_LIMITS } from '../../src/api/server/limits.js';
import { ERROR_CODES } from '../../src/base/errors.js';

const api = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');

describe('docs/api.md', () => {
  it('has every method and notification', () => {
    for (const name of [...Object.values(METHOD), ...Object.values(NOTIFICATION)]) {
      expect(api, name).toContain(`**\`${name}\`**`);
    }
  });

  it('has every error with its code', () => {
    for (const [name, code] of Object.entries(ERROR_CODES))
      expect(api).toContain(`| ${code} | \`${name}\` |`);
  });

  it('has the limits and flags as they are', () => {
    const limits = [MAX_MESSAGE, DEFAULT_API_LIMITS.clientQueue].map((n) => n.toLocaleString('en-US'));
    for (const limit of [...limits, `| ${MAX_PAGE},`, `| ${DEFAULT_API_LIMITS.connectionsPerSocket} (`]) {
      expect(api).toContain(limit);
    }
    expect(EDGE_FLAG).toEqual({ FALLING: 1, REALTIME: 2, HOST_STAMPED: 4, LEVEL_READ: 8 });
  });
});
