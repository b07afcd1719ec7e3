import {act, badge, facts, fold, get, h, isKey, link, post, say, secret, section, show, state, table, time, title} from './page.js'

const EVERY_MS = 10000
const note = () => isKey() && state('A key may not change webhooks: that takes a password.')
const stateOf = it => it.state === 'disabled' ? badge('canceled', 'disabled') : it.failing_since ? badge('failed', ['failing since ', time(it.failing_since)]) : badge('completed', 'well')

export default function page(to) {
	if (to.id) return one(to, `webhooks/${to.id}`)
	const load = show(to, [title('Webhooks'), note() || fold('Add a webhook', [['url', 'url', {label: 'URL'}], ['types', 'text', {hint: 'such as order.ready; all where empty'}]], async values => {
		const made = await post('webhooks/create', {...values, types: values.types?.split(/[\s,]+/)})
		secret('The webhook’s secret', made.secret)
		load()
	})], () => get('webhooks/'), ({webhooks}) => table('Webhooks', 'URL,State,Backlog,Next try,Last error', webhooks.map(it => [link(`#/webhooks/${it.id}`, it.url), stateOf(it), it.backlog, time(it.next_attempt_at), it.last_error])), EVERY_MS)
}

function one(to, path) {
	let cursor
	const tested = it => say(it.status ? `It answered ${it.status} after ${it.ms} ms. ${it.answer ?? ''}` : it.error, !it.status || it.status >= 300)
	const load = show(to, [title(`Webhook ${to.id}`), note() || fold('Move its position', () => [['after', 'text', {label: 'Go on after event', inputmode: 'numeric', value: cursor, hint: 'smaller repeats, larger skips'}]], async ({after}) => {
		await post(`${path}/seek`, {after: Number(after)})
		load()
	})], () => get(path), it => {
		cursor = it.cursor
		return [!isKey() && h('div.acts', act('Send a test', `${path}/test`, {then: tested}), it.state === 'disabled' ? act('Enable', `${path}/enable`, {then: load}) : act('Disable', `${path}/disable`, {then: load}),
			act('Rotate the secret', `${path}/rotate`, {sure: 'Make a new secret? The old one signs too for 24 hours.', then: made => secret('The new secret', made.secret)}),
			act('Delete', `${path}/delete`, {sure: 'Delete this webhook?', then: () => { location.hash = '#/webhooks' }})),
		facts({URL: it.url, State: stateOf(it), Types: it.types?.join(', ') ?? 'all', Description: it.description, Position: cursor, Backlog: it.backlog, 'Next try': time(it.next_attempt_at), 'Last error': it.last_error}),
		h('h2', 'Last attempts'), table('Attempts', 'When,Event,Status,Took,Answer', it.attempts.map(one => [time(one.at), one.event_id, one.status, `${one.ms} ms`, one.error ?? one.answer]))]
	}, EVERY_MS)
}
