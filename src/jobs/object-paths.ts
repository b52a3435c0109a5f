/** Object keys as file names: the only place where text of a user becomes part of a path. */
import { ClientError } from "../algorithms/algorithm.ts";

/** The longest name of a file or folder that common file systems take; bytes of UTF-8. */
const maxSegmentBytes = 255;

/**
 * Where an object lies in the folder of its channel: its key relative to the last `/` of the prefix.
 * `undefined` for the object that is the prefix's own folder marker.
 *
 * @param key starts with `prefix`
 * @returns segments of a relative path; the last one is empty for a folder marker (`a/b/`)
 * @throws ClientError when the key cannot be a path inside that folder
 */
export function pathOfObject(key: string, prefix: string): readonly string[] | undefined {
  const relative = key.slice(prefix.lastIndexOf("/") + 1);
  if (relative === "") return undefined;
  const segments = relative.split("/");
  for (const [index, segment] of segments.entries()) {
    const isMarker = segment === "" && index === segments.length - 1 && index > 0;
    const problem = isMarker ? undefined : problemOf(segment);
    if (problem)
      throw new ClientError(`Data download failed: the object key ${quoted(key)} cannot be a file name: ${problem}`);
  }
  return segments;
}

function problemOf(segment: string): string | undefined {
  if (segment === "") return 'a part between two "/" is empty';
  if (segment === "." || segment === "..") return `"${segment}" is not a name`;
  if (segment.includes("\0")) return "it holds a NUL character";
  const bytes = Buffer.byteLength(segment);
  if (bytes > maxSegmentBytes)
    return `the part ${quoted(segment)} has ${bytes} bytes, at most ${maxSegmentBytes} are possible`;
  return undefined;
}

/** A key for a message: control characters made visible, long ones shortened. */
function quoted(text: string): string {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return JSON.stringify(shown);
}
