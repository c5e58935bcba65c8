import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions } from 'esbuild'

const folder = fileURLToPath(new URL('./', import.meta.url))

/**
 * Compiles a starter to plain JavaScript, for hosts that take no types. What it imports by name
 * stays an import, so that each host resolves `background-tasks` itself.
 */
export async function bundle(source: string): Promise<string> {
  const outfile = `${folder}.bundles/${source.replaceAll('/', '-').replace('.ts', '.mjs')}`
  await mkdir(`${folder}.bundles`, { recursive: true })
  await build({ ...shared(source), outfile, packages: 'external', platform: 'node' })
  return outfile
}

/** Compiles a starter for Workers as their own tools do: all in one file, conditions set. */
export async function bundleForWorkers(
  source: string,
  { conditions, format = 'esm' }: { conditions: readonly string[]; format?: 'esm' | 'iife' },
): Promise<string> {
  const name = [source.replaceAll('/', '-').replace('.ts', ''), ...conditions, format].join('-')
  const outfile = `${folder}.bundles/${name}.mjs`
  await build({
    ...shared(source),
    format,
    outfile,
    conditions: [...conditions],
    external: ['cloudflare:*', 'node:*'],
    platform: 'neutral',
    mainFields: ['module', 'main'],
  })
  return outfile
}

function shared(source: string) {
  return {
    entryPoints: [`${folder}${source}`],
    bundle: true,
    format: 'esm' as const,
    target: 'es2022',
    logLevel: 'error' as const,
  } satisfies BuildOptions
}
