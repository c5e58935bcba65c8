/**
 * What Next.js throws for an answer, without its 330 MB: test/next.test.ts compares it with what it
 * really throws.
 */
export function nextRedirect(url: string, status: 307 | 308): Error {
  return Object.assign(new Error('NEXT_REDIRECT'), {
    digest: `NEXT_REDIRECT;replace;${url};${status};`,
  })
}

export function nextFallback(status: 401 | 403 | 404): Error {
  const digest = `NEXT_HTTP_ERROR_FALLBACK;${status}`
  return Object.assign(new Error(digest), { digest })
}
