import { forbidden, notFound, permanentRedirect, redirect, unauthorized } from 'next/navigation.js'
import { describe, expect, it } from 'vitest'
import { drain, type TaskContext, withBackgroundTasks } from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { watchReports } from './support/reports.ts'

watchReports()

/** As `redirect()` of SvelteKit makes it: no error, and thrown by itself. */
class Redirect {
  readonly status: number
  readonly location: string

  constructor(status: number, location: string) {
    this.status = status
    this.location = location
  }
}

/** As `error()` of SvelteKit makes it. */
class HttpError {
  readonly status = 404
  readonly body = { message: 'not found' }
}

function thrower(thrown: unknown): () => never {
  return () => {
    throw thrown
  }
}

function caught(fail: () => unknown): unknown {
  try {
    fail()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** What the task of a handler is told that throws this. */
async function told(thrown: unknown): Promise<{ context?: TaskContext; rethrown: unknown }> {
  const tasks: TaskContext[] = []
  const handle = withBackgroundTasks((list) => {
    list.addTask({ run: (context) => tasks.push(context) })
    return thrower(thrown)()
  })
  const rethrown = caught(handle)
  await drain()
  const [context] = tasks
  return { ...(context && { context }), rethrown }
}

describe('withBackgroundTasks() and what its handler throws', () => {
  // An editor offers the import of the core first: the tasks of a redirect were lost in silence.
  it.each<[string, () => unknown, number, string | null]>([
    ['a Response', thrower(Response.redirect('http://localhost/next', 302)), 302, '/next'],
    ['a Response that is an error', thrower(new Response(null, { status: 403 })), 403, null],
    ['redirect() of Next.js', () => redirect('/next'), 307, '/next'],
    ['permanentRedirect() of Next.js', () => permanentRedirect('/next'), 308, '/next'],
    ['redirect() of SvelteKit', thrower(new Redirect(303, '/next')), 303, '/next'],
  ])('runs the tasks of an answer: %s', async (_, fail, status, location) => {
    const thrown = caught(fail)
    const { context, rethrown } = await told(thrown)
    expect(rethrown).toBe(thrown)
    expect(context?.outcome).toBe('closed')
    expect(context?.response?.status).toBe(status)
    expect(context?.response?.ok).toBe(false)
    const sent = context?.response?.headers.get('location') ?? null
    expect(sent && new URL(sent, 'http://localhost').pathname).toBe(location)
  })

  it('runs the tasks of a page of Next.js that is not found', async () => {
    const { context } = await told(caught(notFound))
    expect([context?.outcome, context?.response?.status]).toEqual(['closed', 404])
  })

  it.each<[string, () => unknown, number]>([
    ['forbidden()', forbidden, 403],
    ['unauthorized()', unauthorized, 401],
  ])('runs the tasks of an interrupt of Next.js: %s', async (_, fail, status) => {
    const digest = `NEXT_HTTP_ERROR_FALLBACK;${status}`
    // They throw another error where the experiment is not enabled.
    const thrown = Object.assign(new Error(digest), { digest })
    expect(caught(fail)).toBeInstanceOf(Error)
    const { context } = await told(thrown)
    expect([context?.outcome, context?.response?.status]).toEqual(['closed', status])
  })

  it.each<[string, unknown]>([
    ['an error', new Error('failed')],
    ['an error with a status', Object.assign(new Error('teapot'), { status: 418 })],
    ['error() of SvelteKit', new HttpError()],
    ['a redirect without a place', { status: 303 }],
    ['a digest that is another', Object.assign(new Error('dynamic'), { digest: 'DYNAMIC' })],
    ['a number', 404],
    ['undefined', undefined],
  ])('skips the tasks of what is no answer: %s', async (_, thrown) => {
    const { context, rethrown } = await told(thrown)
    expect(rethrown).toBe(thrown)
    expect(context).toBeUndefined()
  })

  it('runs the tasks of an answer that an asynchronous handler throws', async () => {
    const gate = newGate<number | undefined>()
    const thrown = new Redirect(302, '/next')
    const handle = withBackgroundTasks(async (tasks) => {
      tasks.addTask({ run: ({ response }) => gate.open(response?.status) })
      await Promise.resolve()
      throw thrown
    })
    await expect(handle()).rejects.toBe(thrown)
    expect(await gate.opened).toBe(302)
    await drain()
  })
})
