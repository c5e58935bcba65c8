import { onTestFinished, vi } from 'vitest'

/** What `load` imports, as a runtime with these globals loads it. They are there until the test ends. */
export async function loadOn<Module>(
  globals: Readonly<Record<string, unknown>>,
  load: () => Promise<Module>,
): Promise<Module> {
  vi.resetModules()
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
  onTestFinished(() => {
    vi.unstubAllGlobals()
    vi.resetModules()
  })
  return await load()
}
