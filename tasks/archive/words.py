"""The closed vocabulary of the archive: every word that its documents can hold.

Each word stands in one list only and is one token of the small model's tokenizer, so that a name in a question and the
same name in a document are the same token. Names are put together from syllables: they mean nothing, so that no model
can answer from what it knows about the world.
"""

from __future__ import annotations


def _listed(values: str) -> tuple[str, ...]:
    return tuple(values.split())


def _joined(heads: str, tails: str) -> tuple[str, ...]:
    return tuple(head + tail for head in heads.split() for tail in tails.split())


FIRST = _joined("Ab Bel Cor Dor El Fen Gar Hil Is Jor Kel Lor Mar Nor", "a an ine ius ola wen od")
"""First names of people, written without a space before them."""
LAST = _joined(
    "Ash Birk Cran Dun Eld Firth Gold Hather Inch Kirk Lang Moor Nether Oak", "by combe dale ford ham ley ton"
)
"""Last names of people, written after a space."""

LOOK = _listed(
    "Amber Broken Crimson Distant Empty Frozen Gentle Hidden Ivory Jagged Kindled Lonely Midnight Narrow Open"
    " Patient Quiet Restless Silent Tender Upright Velvet Wandering Young Bitter Clouded Drifting Early Faded"
    " Golden Hollow Idle Joyful Lasting Mirrored Northern Ochre Painted Rising Scattered Twofold Unseen Violet"
    " Winter Woven Sunken"
)
THING = _listed(
    "Harbour Lantern Orchard River Shepherd Tower Garden Window Mountain Voyage Harvest Dancer Bridge Meadow"
    " Storm Throne Falcon Mirror Procession Island Valley Ferry Choir Horizon Reaper Chariot Desert Fountain"
    " Hunter Letter"
)
"""Works are called LOOK THING."""
SITE = _joined("Badger Heron Otter Raven Stag Swan Wolf Hare Finch Adder Lynx Marten", "croft field gate hurst")
BUILDING = _listed("Mill Inn Chapel Hall Barn Forge Abbey Lodge Market Quay School Theatre")
"""Places are called SITE BUILDING."""
CAUSE = _listed(
    "Apple Barley Candle Drum Ember Feather Goose Honey Juniper Kite Linen Maypole Nettle Oyster Pepper Quince"
    " Ribbon Saffron Thistle Umber Vinegar Walnut Yarrow Acorn Bramble Clover Damson Elder Fennel Ginger"
)
OCCASION = _listed("Fair Feast Trial Revolt Parade Contest Wedding Auction Council Regatta Jubilee Vigil")
"""Events are called CAUSE OCCASION."""

TRADE = _listed(
    "weaver baker cooper tanner potter mason glazier fiddler tailor saddler cobbler fletcher brewer miller carter"
    " thatcher joiner farrier chandler printer surgeon notary scribe gardener forester fisher falconer gilder"
    " jeweller locksmith clockmaker bookbinder ropemaker sailmaker shipwright basketmaker bellfounder papermaker"
    " candlemaker wheelwright blacksmith coppersmith silversmith tinsmith goldbeater dyer fuller hatter draper"
    " mercer grocer butcher vintner ferryman ploughman drover"
)
STREET = _joined("Alder Beech Cherry Dove Elm Fern Garnet Holly Ivy Jasmine", "lane row hill side yard")
BELONGING = _listed(
    "compass kettle lute anchor chessboard spyglass hourglass thimble inkwell tankard sundial abacus bagpipe"
    " barometer bellows birdcage bracelet brooch buckle bugle cauldron chalice chisel cloak coffer crowbar"
    " crucible dagger diary dulcimer earring easel flagon flute furnace goblet griddle halberd hammock harp"
    " harpoon hatchet helmet ladle lens locket loom lyre mandolin medal microscope necklace oboe padlock pendant"
    " pestle pickaxe pipe platter plough prism pulley quill rapier recorder ring saddle salver sandglass scabbard"
    " sceptre scythe sextant shawl shield sickle sledge snuffbox spindle spinet statuette stirrup tapestry teapot"
    " telescope thermometer tiara tongs trident trivet trumpet umbrella urn vase viola violin wagon whetstone"
    " whistle wreath zither"
)
BYNAME = _listed(
    "Magpie Foxglove Badgerfoot Candlewick Driftwood Earwig Firebrand Grasshopper Hedgehog Icicle Jackdaw"
    " Kingfisher Ladybird Mudlark Nightjar Oldboots Pepperpot Quicksilver Redcap Sparrow Thunder Underhill"
    " Velvetglove Woodpecker Yellowhammer Bumblebee Cricket Dragonfly Elderflower Featherhat Goldfinch Honeycomb"
    " Inkfinger Jollycoat Kettledrum Longstride Moonraker Nutshell Owlglass Patchwork Quickstep Rainmaker"
    " Silverspoon Turnstone Wagtail Bluebell Coppertop Daybreak Evensong Flintlock Greymantle Haystack Ironside"
    " Jinglebell Lacewing Mistletoe Needleeye Oxlip Primrose Ragwort Starling Tinderbox Warbler Barleycorn Cobweb"
    " Dewdrop Ferret Gadfly Heather Larkspur Mayfly Nutmeg Otterskin Pipistrel Rosebud Snowdrop Treacle Wildgoose"
    " Birdsong Cinder"
)
MATERIAL = _listed(
    "oak limestone bronze marble silk wool copper pewter alabaster ebony walnutwood porcelain glass clay iron"
    " jade lead leather parchment granite slate silver brass cedar wax tin ivorybone sandstone terracotta enamel"
)
WEATHER = _listed("fog hail thunderstorm drizzle snow sunshine gale frost sleet rain heat mist haze lightning")
YEAR = tuple(str(year) for year in range(1700, 1900))

IDS = 1000
"""Document numbers below this are one token each."""

LISTS: dict[str, tuple[str, ...]] = {
    "first": FIRST, "last": LAST, "look": LOOK, "thing": THING, "site": SITE, "building": BUILDING, "cause": CAUSE,
    "occasion": OCCASION, "trade": TRADE, "street": STREET, "belonging": BELONGING, "byname": BYNAME,
    "material": MATERIAL, "weather": WEATHER, "year": YEAR,
}
"""All lists by name; no word stands in two."""
AFTER_SPACE = ("last", "thing", "building", "occasion")
"""Lists whose words follow a space: second words of titles."""
