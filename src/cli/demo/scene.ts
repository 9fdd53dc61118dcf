/** What the demo's coprocessor is: its lines, and what happens on them. */
export const SCENE = {
  names: [
    'DOOR',
    'WINDOW',
    'MOTION',
    'FLOW_METER',
    'BUTTON',
    'TAMPER',
    'RAIN',
    'TILT',
    'LED_RED',
    'LED_GREEN',
    'BUZZER',
    'RELAY',
    '',
    '',
    '',
    '',
  ],
  /** At a pace that can be read. */
  stimuli: ['toggle:0:2300ms', 'toggle:1:5300ms', 'pulse:2:3700ms:400ms', 'toggle:4:1s'],
  monitored: ['DOOR', 'WINDOW', 'MOTION'],
  /** Left free, for the second terminal. */
  input: 'BUTTON',
  output: 'LED_RED',
  /** As wide as the heading in guide.ts. */
  format: '%L  %c %o  %E\t%l',
} as const;
