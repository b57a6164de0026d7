/**
 * Who is asked, and what they like. Every persona has one favourite per topic (weight 2), one or two more tastes they
 * enjoy (1) and one or two they avoid (-1). All other tastes leave them cold (0). Tastes are shared across personas in
 * different combinations, so no taste gives a person away and two people can agree on food and quarrel about travel.
 */
export const TASTES = {
  food: {
    plant: 'plant-based cooking',
    spicy: 'bold heat and chillies',
    comfort: 'hearty home cooking',
    refined: 'fine dining and technique',
    quick: 'fast and effortless food',
    seafood: 'fish and the coast',
  },
  music: {
    acoustic: 'folk and acoustic songs',
    electronic: 'synthesisers and clubs',
    classical: 'classical music',
    jazz: 'jazz and swing',
    rock: 'loud guitars',
    latin: 'Latin rhythms',
  },
  travel: {
    wild: 'wilderness on foot',
    city: 'big cities and nights out',
    slow: 'staying in one quiet place',
    luxury: 'comfort and service',
    budget: 'as far as possible for little money',
    heritage: 'history, museums and ruins',
  },
}

export const TOPICS = Object.keys(TASTES)

/** `u_id` is the position in this list. Users marked `unseen` appear in `test_unseen` only. */
export const PERSONAS = [
  {
    name: 'vegan_hiker',
    food: { plant: 2, spicy: 1, comfort: -1, seafood: -1 },
    music: { acoustic: 2, jazz: 1, rock: -1 },
    travel: { wild: 2, budget: 1, slow: 1, luxury: -1 },
  },
  {
    name: 'street_food_backpacker',
    food: { spicy: 2, quick: 1, plant: 1, refined: -1 },
    music: { latin: 2, electronic: 1, classical: -1 },
    travel: { budget: 2, wild: 1, city: 1, luxury: -1 },
  },
  {
    name: 'gourmet_concertgoer',
    food: { refined: 2, seafood: 1, comfort: 1, spicy: -1 },
    music: { classical: 2, jazz: 1, latin: -1 },
    travel: { luxury: 2, heritage: 1, slow: 1, budget: -1 },
  },
  {
    name: 'pub_rocker',
    food: { comfort: 2, quick: 1, plant: -1 },
    music: { rock: 2, electronic: 1, acoustic: -1 },
    travel: { city: 2, budget: 1, heritage: 1, wild: -1 },
  },
  {
    name: 'city_clubber',
    food: { quick: 2, spicy: 1, comfort: 1, seafood: -1 },
    music: { electronic: 2, latin: 1, rock: 1, jazz: -1 },
    travel: { city: 2, luxury: 1, slow: -1 },
  },
  {
    name: 'coastal_jazz_lover',
    food: { seafood: 2, plant: 1, refined: 1, quick: -1 },
    music: { jazz: 2, acoustic: 1, classical: 1, electronic: -1 },
    travel: { slow: 2, wild: 1, heritage: 1, city: -1 },
  },
  {
    name: 'village_historian',
    food: { comfort: 2, refined: 1, spicy: -1 },
    music: { classical: 2, acoustic: 1, latin: -1 },
    travel: { heritage: 2, luxury: 1, slow: 1, wild: -1 },
  },
  {
    name: 'salsa_dancer',
    food: { spicy: 2, quick: 1, refined: -1 },
    music: { latin: 2, rock: 1, electronic: 1, classical: -1 },
    travel: { budget: 2, city: 1, heritage: -1 },
  },
  {
    name: 'vegan_raver',
    unseen: true,
    food: { plant: 2, spicy: 1, comfort: -1 },
    music: { electronic: 2, rock: 1, latin: 1, classical: -1 },
    travel: { city: 2, budget: 1, heritage: -1 },
  },
  {
    name: 'harbour_folk_singer',
    unseen: true,
    food: { seafood: 2, comfort: 1, quick: -1 },
    music: { acoustic: 2, jazz: 1, rock: 1, electronic: -1 },
    travel: { wild: 2, slow: 1, city: -1 },
  },
  {
    name: 'grand_hotel_pianist',
    unseen: true,
    food: { refined: 2, comfort: 1, spicy: -1 },
    music: { jazz: 2, classical: 1, latin: -1 },
    travel: { luxury: 2, heritage: 1, budget: -1 },
  },
  {
    name: 'metalhead_student',
    unseen: true,
    food: { quick: 2, spicy: 1, seafood: -1 },
    music: { rock: 2, latin: 1, jazz: -1 },
    travel: { budget: 2, slow: 1, luxury: -1 },
  },
].map((persona, u_id) => ({ unseen: false, ...persona, u_id }))

/** How much a persona is drawn to a taste: 2, 1, 0 or -1. */
export function liking(persona, topic, taste) {
  return persona[topic][taste] ?? 0
}

/** `user_food_plant` … : 1 where the persona enjoys the taste, 0 elsewhere. Shared by several people, so not an id. */
export const FEATURES = TOPICS.flatMap((topic) =>
  Object.keys(TASTES[topic]).map((taste) => ({ name: `user_${topic}_${taste}`, topic, taste })),
)

export function featureValue(persona, feature) {
  return liking(persona, feature.topic, feature.taste) > 0 ? 1 : 0
}
