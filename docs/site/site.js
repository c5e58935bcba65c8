// The first groups of the navigation are open until a reader closes them: a newcomer sees pages,
// not folders. TypeDoc keeps what is open under these keys.
for (const group of ['Start', 'Hosts and frameworks', 'Guides']) {
  const key = `tsd-accordion-${group}`
  try {
    if (localStorage.getItem(key) === null) localStorage.setItem(key, 'true')
  } catch {
    // Without storage they start closed.
  }
}
