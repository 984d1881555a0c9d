/**
 * The part of WebAssembly's JavaScript interface that engine-simd.ts uses. TypeScript has it in its
 * library for browsers only, whose other globals Node does not have.
 */
declare namespace WebAssembly {
  /** A compiled module; opaque. */
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => Module;
  class Memory {
    constructor(descriptor: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: Record<string, unknown>;
  }
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
}
