/** Why a job failed, in the forms of `FailureReason`. */
import { open } from "node:fs/promises";
import { constants } from "node:os";

/** Characters of FailureReason that the API allows. */
export const maxFailureReason = 1024;

/** The first 1024 characters of a failure file; undefined when there is none or it says nothing. */
export async function readFailureFile(file: string): Promise<string | undefined> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    // A character has at most four bytes in UTF-8.
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxFailureReason * 4), 0, maxFailureReason * 4, 0);
    const text = buffer.toString("utf8", 0, bytesRead).trim();
    return text === "" ? undefined : Array.from(text).slice(0, maxFailureReason).join("");
  } finally {
    await handle.close();
  }
}

/**
 * `AlgorithmError: <text>, exit code: <n>`, or `ClientError: …` when the workload called it so itself.
 * @param text of the failure file
 * @param detail what the platform knows of the end, said where the workload said nothing
 */
export function algorithmFailure(
  exit: { exitCode: number | null; signal: string | null },
  text: string | undefined,
  detail?: string,
): string {
  const code = exit.exitCode ?? 128 + (signalNumber(exit.signal) ?? 0);
  const [kind, said] = kindOf(text ?? unsaid(exit.signal, detail));
  const suffix = `, exit code: ${code}`;
  return `${shortened(`${kind}: ${said}`, maxFailureReason - suffix.length)}${suffix}`;
}

/** The platform could not do its part. */
export function platformFailure(why: string): string {
  return shortened(`InternalServerError: ${why}`, maxFailureReason);
}

/** What a full disk did, and what to do about it. @param when e.g. `while training` */
export function noSpace(when: string): string {
  return `InternalServerError: no space left on the disk of the data directory ${when}; free some space and create the job again under another name`;
}

/** The workload was not started, or nobody saw its end. */
export function unfinished(detail = ""): string {
  if (isFullDisk(detail)) return shortened(noSpace(`while starting the job (${detail})`), maxFailureReason);
  return platformFailure(`the job's process did not run to its end${detail === "" ? "" : ` (${detail})`}`);
}

function isFullDisk(detail: string): boolean {
  return /\b(ENOSPC|EDQUOT)\b/.test(detail);
}

/** The request or its data are wrong. */
export function clientFailure(why: string): string {
  return shortened(`ClientError: ${why}`, maxFailureReason);
}

function unsaid(signal: string | null, detail: string | undefined): string {
  // On a full disk neither the failure file nor the log can be written.
  if (detail !== undefined && isFullDisk(detail)) return noSpace(`while training (${detail})`);
  const end =
    signal === null
      ? "the algorithm wrote no failure file; its log has more"
      : `the algorithm was ended by ${signal}${signal === "SIGKILL" ? " (often: out of memory)" : ""}`;
  return detail === undefined ? end : `${end} (${detail})`;
}

function kindOf(text: string): [kind: string, said: string] {
  const match = /^(ClientError|AlgorithmError|InternalServerError):\s*/.exec(text);
  return match ? [match[1], text.slice(match[0].length)] : ["AlgorithmError", text];
}

function signalNumber(signal: string | null): number | undefined {
  return signal === null ? undefined : constants.signals[signal as NodeJS.Signals];
}

function shortened(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}
