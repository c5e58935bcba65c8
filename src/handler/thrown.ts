import type { ResponseHead } from '../response/outcome.ts'
import { isResponse } from '../response/is-response.ts'
import { isObject } from '../util/checks.ts'

/** What frameworks make a response of, when a handler throws it. */
const answers: readonly ((thrown: object) => ResponseHead | undefined)[] = [
  // Remix, React Router and others: a response is one, thrown or not.
  (thrown) => (isResponse(thrown) ? thrown : undefined),
  nextAnswer,
  svelteKitAnswer,
]

/** The head of what is answered, if what a handler has thrown is an answer. */
export function answerOf(thrown: unknown): ResponseHead | undefined {
  if (!isObject(thrown)) return undefined
  for (const answer of answers) {
    try {
      const head = answer(thrown)
      if (head !== undefined) return head
    } catch {
      // What cannot be looked at, or sent, is no answer.
    }
  }
  return undefined
}

/** What `redirect()`, `notFound()`, `forbidden()` and `unauthorized()` of Next.js throw. */
function nextAnswer(thrown: object): ResponseHead | undefined {
  const digest = 'digest' in thrown ? String(thrown.digest) : ''
  const [, location, redirect, fallback] =
    /^(?:NEXT_REDIRECT;\w+;(.*);(\d{3});|NEXT_HTTP_ERROR_FALLBACK;(\d{3})$)/s.exec(digest) ?? []
  const status = redirect ?? fallback
  return status === undefined ? undefined : headOf(Number(status), location)
}

/** What `redirect()` of SvelteKit throws: no `Error`. What its `error()` throws has no location. */
function svelteKitAnswer(thrown: object): ResponseHead | undefined {
  if (!('location' in thrown && 'status' in thrown) || thrown instanceof Error) return undefined
  const status = Number(thrown.status)
  return status >= 300 && status < 400 ? headOf(status, String(thrown.location)) : undefined
}

function headOf(status: number, location?: string): ResponseHead {
  const headers = new Headers()
  // What is encoded already stays so.
  if (location !== undefined) headers.set('location', location.replace(/[^!-~]+/g, encodeURI))
  return { ok: false, status, headers }
}
