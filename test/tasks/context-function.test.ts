import { describe, expect, it } from 'vitest'
import { BackgroundTask } from '../../src/index.ts'
import { wantsContext, withContext } from '../../src/tasks/context-function.ts'

describe('A function that wants the context of its task', () => {
  it('is called by its method, with the context before the arguments', async () => {
    const seen: unknown[] = []
    const resize = Object.assign((_path: string) => expect.fail('It was called without'), {
      [withContext]: (context: { readonly signal: AbortSignal }, ...args: unknown[]) =>
        seen.push(context.signal.aborted, ...args),
    })
    expect(wantsContext(resize)).toBe(true)
    await new BackgroundTask(resize, 'photo.jpg').run()
    expect(seen).toEqual([false, 'photo.jpg'])
  })

  it('is no other function', () => {
    const broken = Object.assign(() => {}, { [withContext]: 'text' })
    expect([() => {}, broken].filter(wantsContext)).toEqual([])
  })

  it('is known to all copies of the package', () => {
    expect(Symbol.keyFor(withContext)).toBe('background-tasks.withContext')
  })
})
