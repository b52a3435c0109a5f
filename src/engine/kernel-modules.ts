/** From compiled modules to a table of kernels. */
import type { Kernel, KernelTable } from "./kernel-pool.ts";

/**
 * Instantiates kernel modules over one memory.
 * @throws Error when two modules export a kernel of the same name
 */
export function instantiateKernels(modules: readonly WebAssembly.Module[], memory: WebAssembly.Memory): KernelTable {
  const kernels: Record<string, Kernel> = {};
  for (const module of modules) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory, abort: trap } });
    for (const [name, value] of Object.entries(exports)) {
      if (typeof value !== "function") continue;
      if (Object.hasOwn(kernels, name)) throw new Error(`two kernel modules export ${name}`);
      kernels[name] = value as Kernel;
    }
  }
  return kernels;
}

function trap(): never {
  throw new Error("a kernel aborted");
}
