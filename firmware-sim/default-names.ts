/** What a sensor hub wires to its first lines; unnamed beyond. */
const HUB_LINES = [
  'ACCEL_INT1',
  'ACCEL_INT2',
  'GYRO_DRDY',
  'MAG_DRDY',
  'BARO_INT',
  'HUMIDITY_ALERT',
  'TEMP_ALERT',
  'LIGHT_INT',
  'PROXIMITY_INT',
  'TOUCH_INT',
  'DOOR',
  'LID',
  'TAMPER',
  'MOTION',
  'SMOKE_ALARM',
  'WATER_LEAK',
  'BUTTON_POWER',
  'BUTTON_UP',
  'BUTTON_DOWN',
  'ENCODER_A',
  'ENCODER_B',
  'FLOW_PULSE',
  'RAIN_PULSE',
  'WIND_PULSE',
  'LED_RED',
  'LED_GREEN',
  'LED_BLUE',
  'BUZZER',
  'RELAY_1',
  'RELAY_2',
  'DOOR_LOCK',
  'SENSOR_POWER',
] as const;

/** Names for the lines of one controller; those of later controllers end in its number, so that all differ. */
export function defaultNames(lines: number, controller: number): string[] {
  const suffix = controller === 1 ? '' : `_${controller}`;
  return HUB_LINES.slice(0, lines).map((name) => `${name}${suffix}`);
}
