import { describe, expect, it } from 'vitest';
import { checked, ERRNO, errnoMessage, errnoName, SystemCallError } from './errno.js';
import { libc } from './libc.js';

describe('error numbers', () => {
  it('have names and messages', () => {
    expect(errnoName(16)).toBe('EBUSY');
    expect(errnoMessage(16)).toBe('resource busy or locked');
    // libuv has no name for it.
    expect(errnoName(ERRNO.ENETRESET)).toBe('ENETRESET');
    expect(errnoName(4711)).toBe('errno 4711');
    expect(ERRNO.EAGAIN).toBe(11);
  });

  it('become errors as Node makes them', () => {
    const failed = () => checked('tcgetattr', libc().tcgetattr(-1, Buffer.alloc(128)));
    expect(failed).toThrow(SystemCallError);
    expect(failed).toThrow(
      expect.objectContaining({ code: 'EBADF', errno: -ERRNO.EBADF, syscall: 'tcgetattr' }),
    );
  });
});
