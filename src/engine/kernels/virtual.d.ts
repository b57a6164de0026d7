/** The kernels of `assembly/`, compiled by `scripts/kernels/compile.mjs`: WebAssembly modules in base64. */
declare module 'virtual:kernels' {
  /** With relaxed SIMD: fused multiply-adds. */
  export const relaxed: string
  /** For engines without it. */
  export const plain: string
}

/** `evaluate/assembly/`, likewise. */
declare module 'virtual:user-sums' {
  export const plain: string
}
