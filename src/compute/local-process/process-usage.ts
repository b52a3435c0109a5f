/** What the processes of a session take of the machine, as `/proc` tells it; Linux only. */
import { readdirSync, readFileSync } from "node:fs";
import type { WorkloadUsage } from "../compute-backend.ts";

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly cpuMs: number;
}

/** proc(5): times are in ticks of 1/100 s, whatever the kernel's own clock. */
const tickMs = 10;
/** Several workloads that are asked about at the same moment share one look at all processes. ms */
const freshMs = 500;

let table: { readonly at: number; readonly processes: readonly ProcessFacts[] } | undefined;

/**
 * The processes of a session and all that descend from them, even into sessions of their own.
 * @returns undefined when there are none, and where there is no `/proc`
 */
export function usageOfSession(leader: number): WorkloadUsage | undefined {
  if (process.platform !== "linux") return undefined;
  const now = performance.now();
  if (table === undefined || now - table.at > freshMs) table = { at: now, processes: allProcesses() };
  const { processes } = table;
  const members = new Map(
    processes.filter(({ pid, session }) => session === leader || pid === leader).map((each) => [each.pid, each]),
  );
  for (let before = -1; before < members.size;) {
    before = members.size;
    for (const each of processes) if (members.has(each.parent)) members.set(each.pid, each);
  }
  if (members.size === 0) return undefined;
  let cpuMs = 0;
  let memoryBytes = 0;
  for (const each of members.values()) {
    cpuMs += each.cpuMs;
    memoryBytes += residentBytes(each.pid);
  }
  return { cpuMs, memoryBytes };
}

function allProcesses(): ProcessFacts[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (factsOf(Number(name)) ?? []) : []));
}

function factsOf(pid: number): ProcessFacts | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined; // gone meanwhile
  }
  // Behind the name, which is in parentheses and may hold anything: state, ppid (4th field), pgrp, session, …,
  // utime (14th), stime, and those of children that were waited for.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
  return { pid, parent: Number(fields[1]), session: Number(fields[3]), cpuMs: ticks * tickMs };
}

function residentBytes(pid: number): number {
  try {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return match === null ? 0 : Number(match[1]) * 1024;
  } catch {
    return 0; // gone meanwhile
  }
}
