/** What went where during a run, for the summary at its end. */

export interface HostCount {
  readonly host: string;
  readonly count: number;
}

const maxHosts = 1000;

export class Traffic {
  /** Requests by host, answered here. */
  readonly #redirected = new Map<string, number>();
  /** Connections by host, to where they were meant for. */
  readonly #passed = new Map<string, number>();

  redirect(host: string): void {
    add(this.#redirected, host);
  }

  pass(host: string): void {
    add(this.#passed, host);
  }

  get redirected(): readonly HostCount[] {
    return sorted(this.#redirected);
  }

  get passed(): readonly HostCount[] {
    return sorted(this.#passed);
  }
}

/** A program that makes up host names does not fill the memory: the rest counts as one. */
function add(counts: Map<string, number>, host: string): void {
  const name = counts.has(host) || counts.size < maxHosts ? host : "other hosts";
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): HostCount[] {
  return [...counts]
    .map(([host, count]) => ({ host, count }))
    .sort((a, b) => b.count - a.count || (a.host < b.host ? -1 : 1));
}
