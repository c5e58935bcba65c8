/** The part of lunr, which TypeDoc's pages search with, that the tests use. */
declare module 'lunr' {
  interface Index {
    search(query: string): { ref: string }[]
  }
  const lunr: { Index: { load(serialized: object): Index } }
  export default lunr
}
