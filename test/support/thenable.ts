/** What is no promise, but can be waited for. */
export function newThenable(then: (resolve: (value: unknown) => void) => void): object {
  const thenable = {}
  Reflect.set(thenable, 'then', then)
  return thenable
}
