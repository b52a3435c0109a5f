import { fileURLToPath } from "node:url";

/**
 * The compiled JavaScript file of a module that is started as a process or worker of its own.
 *
 * Child processes need JavaScript. When the caller runs from `dist/` the file is beside it; when the
 * caller is TypeScript under test (`src/`), the same file is taken from `dist/`, which `npm test` builds.
 *
 * @param callerUrl `import.meta.url` of the caller
 * @param relativePath path from the caller to the module's source, e.g. `"./shim/main.ts"`
 */
export function entryPoint(callerUrl: string, relativePath: string): string {
  const path = fileURLToPath(new URL(relativePath, callerUrl));
  const source = path.replace(/\.ts$/, ".js");
  const marker = "/src/";
  const at = source.lastIndexOf(marker);
  if (!callerUrl.endsWith(".ts") || at === -1) return source;
  return `${source.slice(0, at)}/dist/${source.slice(at + marker.length)}`;
}
