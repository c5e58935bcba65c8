import { subscribe } from './actions'

export default function Page() {
  return (
    <form id="newsletter" action={subscribe}>
      <input name="email" type="email" />
      <button>Subscribe</button>
    </form>
  )
}
