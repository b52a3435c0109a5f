/** The compiled kernels on disk. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { entryPoint } from "../../util/entry-point.ts";

/** Compiles the named kernel modules from `dist/engine/kernels`. */
export async function compileKernelModules(names: readonly string[]): Promise<WebAssembly.Module[]> {
  const folder = join(dirname(entryPoint(import.meta.url, "./kernel-files.ts")), "..", "kernels");
  return Promise.all(
    names.map(async (name) => WebAssembly.compile(new Uint8Array(await readFile(join(folder, `${name}.wasm`))))),
  );
}
