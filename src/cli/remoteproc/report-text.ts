import type { RemoteprocReport, ServiceRow } from './report.js';

/** The list for people; ends with a newline. */
export function reportText({ processors, services }: RemoteprocReport): string {
  if (processors.length === 0 && services.length === 0) return 'no remote processors\n';
  const processorTable = table([
    ['PROCESSOR', 'NAME', 'STATE', 'FIRMWARE', 'RECOVERY', 'COREDUMP'],
    ...processors.map(({ device, name, state, firmware, recovery, coredump }) => [
      device,
      name,
      state,
      firmware ?? '-',
      recovery ?? '-',
      coredump ?? '-',
    ]),
  ]);
  if (services.length === 0) return `${processorTable}\nno rpmsg channels\n`;
  const serviceTable = table([
    ['SERVICE', 'PROCESSOR', 'SRC', 'DST', 'NODE', 'USED BY', 'CHANNEL'],
    ...services.map((row) => [
      row.service,
      row.processor ?? '-',
      address(row.src),
      address(row.dst),
      row.node ?? '-',
      usedBy(row),
      row.channel ?? '(endpoint)',
    ]),
  ]);
  return processors.length === 0 ? serviceTable : `${processorTable}\n${serviceTable}`;
}

function usedBy({ coprocessor, holders, driver, node }: ServiceRow): string {
  if (coprocessor !== null) return `gpiobridge: ${coprocessor}`;
  if (holders !== null) return holders;
  // The driver that makes a node of a channel keeps nobody from it.
  return driver !== null && node === null ? `driver ${driver}` : '-';
}

function address(value: number | null): string {
  return value === null ? 'any' : `0x${value.toString(16)}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  return rows.map((cells) => `${line(cells)}\n`).join('');
}
