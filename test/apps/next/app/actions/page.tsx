import { act, actAndFindNothing, actAndRedirect, actAndThrow, actSlowly, add } from './actions'
import { report } from '../../lib/events'

const actions = { act, actAndRedirect, actAndFindNothing, actAndThrow, actSlowly }

export default async function Page({ searchParams }: PageProps<'/actions'>) {
  const { id } = await searchParams
  if (typeof id === 'string') report('page-renders', id)
  return (
    <>
      {Object.entries(actions).map(([name, action]) => (
        <form key={name} id={name} action={action}>
          <input name="id" />
        </form>
      ))}
      <form id="add" action={add as unknown as () => void} />
    </>
  )
}
