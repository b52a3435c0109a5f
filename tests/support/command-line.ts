/** The `sagebrush` command as a user's shell runs it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Command {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ended>;

  /** @param environment variables besides the user's; AWS's, our own and the language of whoever runs the test are left out */
  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const kept = Object.entries(process.env).filter(([name]) => !/^(AWS_|SAGEBRUSH_|LANG$|LANGUAGE$|LC_)/.test(name));
    this.child = spawn(process.execPath, [program, ...args], {
      env: { ...Object.fromEntries(kept), ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout!.on("data", (chunk: Buffer) => (this.stdout += String(chunk)));
    this.child.stderr!.on("data", (chunk: Buffer) => (this.stderr += String(chunk)));
    this.ended = once(this.child, "close").then(() => ({
      code: this.child.exitCode,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Resolves when standard output has the text; rejects when the command ends without it. */
  async says(text: string): Promise<void> {
    const chunks = this.child.stdout!;
    let ended = false;
    void this.ended.then(() => (ended = true));
    while (!this.stdout.includes(text)) {
      if (ended) throw new Error(`ended without "${text}": ${this.stdout}${this.stderr}`);
      await Promise.race([once(chunks, "data"), this.ended]);
    }
  }
}

export function sagebrush(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Command(args, environment).ended;
}
