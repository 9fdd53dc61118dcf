/** Bytes in hexadecimal and as text, sixteen in a row. */
export function bytesRows(bytes: Uint8Array): [string, string][] {
  const rows: [string, string][] = [];
  for (let at = 0; at < bytes.length; at += PER_ROW) {
    const row = bytes.subarray(at, at + PER_ROW);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    rows.push([at === 0 ? 'first bytes' : '', `${hex.padEnd(PER_ROW * 3)} ${printable(row)}`]);
  }
  return rows;
}

const PER_ROW = 16;

/** As text, with a dot for every byte that is none. */
function printable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(
    '',
  );
}
