import type { Plugin } from 'vite'

export function compileKernels(root: string): Promise<{ relaxed: string; plain: string }>
export function kernels(root: string): Plugin
