/**
 * Records that TypeScript and kernels share: fields in order, each aligned to its own size, as AssemblyScript lays
 * out an unmanaged class.
 */
import type { SharedMemory } from "./shared-memory.ts";

export type FieldType = "u32" | "i32" | "f32" | "f64";

const fieldBytes: Readonly<Record<FieldType, number>> = { u32: 4, i32: 4, f32: 4, f64: 8 };

type Values<F> = { [K in keyof F]: number };

export class Struct<F extends Readonly<Record<string, FieldType>>> {
  /** Bytes from one record to the next in an array. */
  readonly size: number;
  /** Byte offset of each field. */
  readonly offsets: Values<F>;
  readonly #fields: readonly { readonly name: keyof F; readonly type: FieldType; readonly offset: number }[];

  constructor(fields: F) {
    let end = 0;
    let widest = 4;
    this.#fields = Object.entries(fields).map(([name, type]) => {
      const bytes = fieldBytes[type];
      const offset = Math.ceil(end / bytes) * bytes;
      end = offset + bytes;
      widest = Math.max(widest, bytes);
      return { name, type, offset };
    });
    this.size = Math.ceil(end / widest) * widest;
    this.offsets = Object.fromEntries(this.#fields.map(({ name, offset }) => [name, offset])) as Values<F>;
  }

  /** Writes record `index` of the array at `address`. */
  write(memory: SharedMemory, address: number, values: Values<F>, index = 0): void {
    const { view } = memory;
    const start = address + index * this.size;
    const fields = this.#fields;
    // An indexed loop: this runs some thousand times for each tree of a small model.
    for (let i = 0; i < fields.length; i += 1) {
      const { name, type, offset } = fields[i];
      const value = values[name];
      if (type === "u32") view.setUint32(start + offset, value, true);
      else if (type === "i32") view.setInt32(start + offset, value, true);
      else if (type === "f32") view.setFloat32(start + offset, value, true);
      else view.setFloat64(start + offset, value, true);
    }
  }

  /** Reads record `index` of the array at `address`. */
  read(memory: SharedMemory, address: number, index = 0): Values<F> {
    const { view } = memory;
    const start = address + index * this.size;
    const values: Partial<Values<F>> = {};
    for (const { name, type, offset } of this.#fields) {
      if (type === "u32") values[name] = view.getUint32(start + offset, true);
      else if (type === "i32") values[name] = view.getInt32(start + offset, true);
      else if (type === "f32") values[name] = view.getFloat32(start + offset, true);
      else values[name] = view.getFloat64(start + offset, true);
    }
    return values as Values<F>;
  }
}
