/** What commands print: tables for people, JSON for programs, progress on a terminal's standard error. */

export interface OutputOptions {
  readonly json?: boolean;
}

/** One JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Columns as wide as their widest cell; Hangul and other wide characters count two. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, width(cell))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell + " ".repeat(widths[column] - width(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function width(text: string): number {
  let columns = 0;
  for (const character of text)
    columns += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u.test(character)
      ? 2
      : 1;
  return columns;
}

/** A one-line progress bar on standard error; silent when that is no terminal. */
export class ProgressBar {
  readonly #label: string;
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(label: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#label = label;
    this.#stream = stream;
  }

  /** @param fraction 0..1 */
  update(fraction: number, note = ""): void {
    if (!this.#stream.isTTY) return;
    const cells = 24;
    const full = Math.round(Math.min(Math.max(fraction, 0), 1) * cells);
    const bar = "█".repeat(full) + "░".repeat(cells - full);
    this.#stream.write(`\r\x1b[K${this.#label} ${bar} ${String(Math.round(fraction * 100)).padStart(3)} % ${note}`);
    this.#shown = true;
  }

  done(): void {
    if (this.#shown) this.#stream.write("\r\x1b[K");
    this.#shown = false;
  }
}
