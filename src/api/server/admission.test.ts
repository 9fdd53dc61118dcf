import { expect, it } from 'vitest';
import { Admission } from './admission.js';

it('keeps an eighth of the places for users who have few', () => {
  const admission = new Admission(16);
  const enter = (uid: number, times: number) =>
    Array.from({ length: times }, () => admission.enter(uid)).filter(Boolean).length;
  expect(enter(1, 100)).toBe(14);
  expect(enter(2, 1)).toBe(1);
  expect(enter(1, 1)).toBe(0);
  expect(enter(3, 5)).toBe(1);
  expect(enter(4, 1)).toBe(0);
  admission.leave(1);
  expect(enter(1, 1)).toBe(0);
  expect(enter(4, 1)).toBe(1);
});

it('takes all of few places, by anyone, and forgets who left', () => {
  const admission = new Admission(2);
  expect([admission.enter(1), admission.enter(1), admission.enter(2)]).toEqual([true, true, false]);
  admission.leave(2);
  expect(admission.enter(2)).toBe(false);
  admission.leave(1);
  expect(admission.enter(2)).toBe(true);
});
