import type { Plugin } from 'vite'

export function kernels(root: string): Plugin
