import { expect } from 'vitest'

/** `Cannot <verb> <thing>: <what was wrong>, <what to do>`, without a full stop. */
const form = /^Cannot [a-z]+ [^:]+: .+, [^,]*[^.]$/s

/** The message of the error that the wrong use throws, at the call. */
export function misuse(use: () => unknown, type: new () => Error = TypeError): string {
  try {
    use()
  } catch (error) {
    if (!(error instanceof type)) throw error
    expect(error.message).toMatch(form)
    return error.message
  }
  return expect.fail('It did not throw')
}

/** What the promise rejects with. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('It did not reject'),
    (error: unknown) => error,
  )
}
