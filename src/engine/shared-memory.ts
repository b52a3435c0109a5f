/**
 * One shared WebAssembly memory and an arena in it: what the kernels of all threads read and write.
 *
 * Kernels take addresses (byte offsets into this memory). Addresses are plain numbers below 2^32. Allocation only
 * moves a mark forward; whoever needs room for a while takes a `mark()` and gives everything after it back with
 * `release(mark)`. That is all the memory management numeric work needs, and it costs nothing.
 */

const PAGE_BYTES = 65536;
/** The reach of 32-bit addresses; the last page stays unused so that an end address is representable too. */
const MAX_BYTES = 65535 * PAGE_BYTES;

/** Kernels load 16 bytes at a time and threads must not share cache lines, hence 64. */
const ALIGNMENT = 64;

export class OutOfKernelMemoryError extends Error {
  constructor(facts: { readonly requestedBytes: number; readonly usedBytes: number; readonly limitBytes: number }) {
    super(
      `Kernel memory is limited to ${facts.limitBytes} bytes; ${facts.usedBytes} are in use and ` +
        `${facts.requestedBytes} more were asked for. Use fewer rows or columns, or fewer bins.`,
    );
    this.name = "OutOfKernelMemoryError";
  }
}

export class SharedMemory {
  readonly webAssemblyMemory: WebAssembly.Memory;
  readonly limitBytes: number;
  // Address 0 stays unused: kernels read 0 as "absent".
  #used = ALIGNMENT;
  #view: DataView;

  /** @param limitBytes most bytes ever in use; at most 4 GiB - 64 KiB, which is the default */
  constructor(limitBytes: number = MAX_BYTES) {
    this.limitBytes = Math.min(limitBytes, MAX_BYTES);
    this.webAssemblyMemory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    this.#view = new DataView(this.webAssemblyMemory.buffer);
  }

  /** The whole memory; a view taken before an allocation may be too short after it. */
  get view(): DataView {
    return this.#view;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /**
   * Room for `bytes` bytes, aligned to 64; its content is whatever was there before.
   * @throws OutOfKernelMemoryError
   */
  allocate(bytes: number): number {
    const address = this.#used;
    const end = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT;
    if (end > this.limitBytes) throw this.#exhausted(bytes);
    const missing = end - this.webAssemblyMemory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.webAssemblyMemory.grow(Math.ceil(missing / PAGE_BYTES));
      } catch (cause) {
        throw Object.assign(this.#exhausted(bytes), { cause });
      }
      this.#view = new DataView(this.webAssemblyMemory.buffer);
    }
    this.#used = end;
    return address;
  }

  /** As `allocate`, filled with zeros. */
  allocateZeroed(bytes: number): number {
    const address = this.allocate(bytes);
    this.u8(address, bytes).fill(0);
    return address;
  }

  mark(): number {
    return this.#used;
  }

  /** Gives back everything allocated since `mark`. */
  release(mark: number): void {
    if (mark > this.#used) throw new RangeError(`mark ${mark} lies beyond the ${this.#used} bytes in use`);
    this.#used = mark;
  }

  u8(address: number, length: number): Uint8Array {
    return new Uint8Array(this.webAssemblyMemory.buffer, address, length);
  }

  u16(address: number, length: number): Uint16Array {
    return new Uint16Array(this.webAssemblyMemory.buffer, address, length);
  }

  i32(address: number, length: number): Int32Array {
    return new Int32Array(this.webAssemblyMemory.buffer, address, length);
  }

  u32(address: number, length: number): Uint32Array {
    return new Uint32Array(this.webAssemblyMemory.buffer, address, length);
  }

  f32(address: number, length: number): Float32Array {
    return new Float32Array(this.webAssemblyMemory.buffer, address, length);
  }

  f64(address: number, length: number): Float64Array {
    return new Float64Array(this.webAssemblyMemory.buffer, address, length);
  }

  #exhausted(requestedBytes: number): OutOfKernelMemoryError {
    return new OutOfKernelMemoryError({ requestedBytes, usedBytes: this.#used, limitBytes: this.limitBytes });
  }
}
