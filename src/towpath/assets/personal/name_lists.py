"""Common given names and surnames, folded to small letters without accents.

Enough of the most common ones of large languages to recognise a column of names by the share of its
values that hit; no list is complete, and none needs to be.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN_NAMES = _words(
    """
    james john robert michael william david richard joseph thomas charles christopher daniel matthew
    anthony mark donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy
    jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin
    samuel gregory frank alexander raymond patrick jack dennis jerry tyler aaron jose adam nathan
    henry douglas zachary peter kyle walter ethan jeremy harold keith christian roger noah gerald
    carl terry sean austin arthur lawrence jesse dylan bryan joe jordan billy bruce albert willie
    gabriel logan alan juan wayne roy ralph randy eugene vincent russell elijah louis bobby philip
    johnny liam oliver lucas mason jackson aiden luke isaac caleb owen connor evan cameron adrian
    ian colin graham nigel simon stuart trevor clive derek geoffrey duncan angus callum ewan rhys
    craig chad derrick travis marcus shane corey casey brett darren todd troy curtis dustin seth
    joel victor max oscar leo hugo felix theo edgar leonard clifford leroy maurice antonio
    mary patricia jennifer linda elizabeth barbara susan jessica sarah karen nancy lisa betty
    margaret sandra ashley kimberly emily donna michelle dorothy carol amanda melissa deborah
    stephanie rebecca sharon laura cynthia kathleen amy angela shirley anna brenda pamela emma nicole
    helen samantha katherine christine debra rachel carolyn janet catherine maria heather diane ruth
    julie olivia joyce virginia victoria kelly lauren christina joan evelyn judith megan andrea
    cheryl hannah jacqueline martha gloria teresa ann sara madison frances kathryn janice jean abigail
    alice julia judy sophia grace denise amber doris marilyn danielle beverly isabella theresa diana
    natalie brittany charlotte marie kayla alexis lori chloe lucy ella ava mia zoe claire fiona gillian
    holly jill jane kate leah molly naomi paula rosie sally tracy valerie wendy yvonne tina tara erin
    crystal kristen vanessa tiffany monica erica shannon april veronica kristin leslie dawn gina
    regina jenna courtney alicia jasmine lindsey whitney kelsey alexandra allison audrey sheila
    carlos luis jorge pedro manuel francisco javier miguel angel rafael fernando sergio alberto diego
    alejandro ricardo eduardo pablo raul ramon enrique arturo jaime gonzalo ignacio andres mateo
    santiago joaquin emilio ruben ivan martin hector guillermo gustavo alfonso vicente salvador marcos
    carmen josefa isabel dolores pilar mercedes rosa concepcion francisca antonia lucia paula sofia
    elena cristina marta silvia beatriz raquel rocio ines alba nuria irene esther yolanda lourdes
    juana manuela encarnacion montserrat amparo catalina soledad guadalupe ximena camila valentina
    joao antonio paulo carlos tiago rui nuno luiz marcelo rodrigo felipe bruno thiago vinicius caio
    fernanda mariana juliana camila larissa leticia beatriz aline bruna gabriela rafaela luiza joana
    jean pierre michel andre philippe alain bernard jacques francois claude christophe nicolas laurent
    sebastien frederic olivier julien stephane pascal thierry gilles guillaume antoine mathieu maxime
    benoit emmanuel etienne xavier yves rene marcel roger gerard henri georges lucien raymond
    nathalie isabelle sylvie catherine francoise monique valerie sandrine veronique celine sophie
    aurelie camille manon lea chantal brigitte martine dominique jacqueline corinne virginie helene
    margaux elodie emilie juliette louise agathe aimee odette suzanne genevieve
    hans peter wolfgang klaus juergen jurgen dieter manfred uwe gunter gunther horst bernd heinz
    helmut gerhard rainer ralf stefan andreas thomas markus matthias christian sebastian tobias florian
    jan lukas jonas finn tim philipp dirk sven torsten jens karl kurt otto fritz rolf ulrich volker
    ursula monika petra sabine renate helga karin brigitte ingrid erika gisela christa gudrun
    heike susanne birgit martina silke anja katrin claudia nicole ulrike angelika elke kerstin
    lena leonie johanna katharina franziska greta frieda hildegard waltraud
    giuseppe giovanni antonio mario luigi francesco angelo vincenzo pietro salvatore carlo franco
    domenico bruno paolo michele giorgio aldo sergio luciano marco andrea alessandro matteo lorenzo
    davide luca simone stefano roberto fabio riccardo federico enrico massimo claudio gianluca
    giulia francesca chiara sara martina valentina alessia silvia elisa federica giorgia ilaria laura
    alice rosa giovanna angela lucia carmela anna daniela paola simona barbara roberta patrizia
    daan sem bram thijs ruben pieter johannes cornelis hendrik willem gerrit dirk jeroen maarten
    sanne fleur femke lotte anouk marieke annemarie wilhelmina johanna cornelia
    lars erik anders johan karl nils gustav magnus henrik bjorn sven ole soren mikkel rasmus jesper
    ingrid astrid sigrid karin kristina annika linnea elsa freja maja ida signe helle mette hanne
    piotr krzysztof andrzej tomasz jan pawel marcin michal marek grzegorz jozef lukasz zbigniew jerzy
    anna maria katarzyna malgorzata agnieszka barbara ewa magdalena elzbieta krystyna joanna aleksandra
    zofia jadwiga danuta wojciech kazimierz stanislaw tadeusz
    ivan aleksandr sergei sergey dmitri dmitry andrei alexei alexey mikhail nikolai vladimir igor oleg
    yuri boris pavel viktor anatoly evgeny maxim olga tatiana irina natalia elena svetlana ekaterina
    anastasia ludmila galina marina yulia oksana
    mehmet mustafa ahmet ali huseyin hasan ibrahim osman yusuf murat omer fatma ayse emine hatice zeynep
    elif meryem mohammed muhammad mohamed ahmed mahmoud omar khalid youssef abdullah hassan hussein
    karim tariq bilal fatima aisha khadija zainab maryam layla nour yasmin amina samira
    aarav arjun rahul amit raj rajesh suresh ramesh sanjay vijay anil sunil ravi manoj deepak rohan
    vikram ashok krishna ganesh priya anjali pooja neha kavita sunita anita rekha meena lakshmi divya
    shreya ananya aditi sneha swati nisha asha usha
    wei fang jing ming yan ying hui juan xin lei jun yong qiang jie tao chao ping hong mei lan xiao
    hiroshi takashi kenji satoshi takeshi akira yuki haruto yuto sota ren kaito naoko yoko keiko akiko
    sakura hina aoi yui misaki minjun jihoon seojun hyun jiwoo minji soyeon
    francesca caterina romana antonietta giacomo filippo tommaso emanuele nicola daniele claudio dario
    vittorio gennaro raffaele gaetano rosario cesare gabriella teresa rita lorena cinzia ornella
    leonor ana carlota adriana noelia cristobal rodrigo felix agustin nicolas lorenzo hugo benjamin
    rosario noemi marina lidia eva victoria gabriela daniela veronica pilar luisa emma julia
    marlies irmgard edith elfriede hannelore hedwig margarete liselotte rosemarie ludwig ernst erich
    alfred walter heinrich wilhelm friedrich josef franz georg rudolf siegfried alois egon marianne
    dorota iwona beata monika jolanta teresa renata halina bozena irena marta karolina patrycja
    kamil mateusz dawid jakub kacper szymon filip maciej rafal artur dariusz mariusz robert adam
    vedant ishaan kabir vivaan aditya siddharth varun nikhil prakash mahesh dinesh naresh mukesh
    harish girish mohan gopal hari arun ajay vinod pradeep rakesh ritu jyoti seema preeti komal sonal
    ravina sarita geeta radha sita gita padma kamala saroj leela
    kemal cem can burak emre hakan kerem serkan tolga volkan deniz selin esra merve busra gul sevgi
    """
)
SURNAMES = _words(
    """
    smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez
    gonzales wilson anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez
    clark ramirez lewis robinson walker young allen king wright scott torres nguyen hill flores green
    adams nelson baker hall rivera campbell mitchell carter roberts gomez phillips evans turner diaz
    parker cruz edwards collins reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan
    cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez wood
    james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross foster
    jimenez powell jenkins perry russell sullivan bell coleman butler henderson barnes fisher vasquez
    simmons romero jordan patterson alexander hamilton graham reynolds griffin wallace moreno west cole
    hayes bryant herrera gibson ellis tran medina aguilar stevens murray ford castro marshall owens
    harrison fernandez mcdonald woods washington kennedy wells vargas henry chen freeman webb tucker
    guzman burns crawford olson simpson porter hunter gordon mendez silva shaw snyder mason dixon munoz
    hunt hicks holmes palmer wagner black robertson boyd rose stone salazar fox warren mills meyer rice
    schmidt garza daniels ferguson nichols stephens soto weaver ryan gardner payne grant dunn kelley
    spencer hawkins arnold pierce hansen peters santos hart bradley knight elliott cunningham duncan
    armstrong hudson carroll lane riley andrews alvarado ray delgado berry perkins hoffman johnston
    matthews pena richards contreras willis carpenter lawrence sandoval guerrero george chapman rios
    estrada ortega watkins greene nunez wheeler valdez harper burke larson santiago maldonado morrison
    franklin carlson austin dominguez carr lawson jacobs obrien lynch singh vega bishop montgomery
    davies griffiths lloyd pritchard macdonald sinclair fraser oconnor oneill byrne walsh doyle
    muller mueller schneider fischer weber schulz becker hofmann schafer koch bauer richter klein wolf
    schroder neumann schwarz zimmermann braun kruger hartmann lange werner krause lehmann schmid
    schulze maier kohler herrmann konig walter mayer huber kaiser fuchs peters scholz lang weiss jung
    hahn vogel friedrich keller gunther berger winkler roth beck lorenz baumann franke albrecht
    bernard dubois durand leroy moreau simon laurent lefebvre michel bertrand roux fournier girard
    bonnet dupont lambert fontaine rousseau vincent faure mercier blanc guerin boyer garnier chevalier
    francois legrand gauthier perrin robin clement morin nicolas roussel mathieu gautier masson
    marchand duval denis dumont lemaire noel meunier
    rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti costa
    giordano mancini rizzo lombardi moretti barbieri fontana santoro mariani rinaldi caruso ferrara
    oliveira souza pereira lima carvalho ferreira rodrigues almeida ribeiro alves gomes martins araujo
    barbosa rocha dias cardoso teixeira cavalcanti monteiro moura
    jong jansen vries berg bakker dijk visser smit meijer boer mulder groot bos vos peters hendriks
    leeuwen dekker brouwer wit dijkstra smits graaf
    johansson andersson karlsson nilsson eriksson larsson olsson persson svensson gustafsson hansen
    nielsen jensen pedersen christensen larsen sorensen rasmussen olsen
    nowak kowalski wisniewski wojcik kowalczyk kaminski lewandowski zielinski szymanski wozniak
    dabrowski kozlowski mazur jankowski kwiatkowski krawczyk piotrowski grabowski pawlowski
    ivanov smirnov kuznetsov popov vasiliev petrov sokolov mikhailov novikov fedorov morozov volkov
    ivanova smirnova kuznetsova popova petrova sokolova
    yilmaz kaya demir celik sahin yildiz ozturk aydin arslan dogan khan ahmed hussain malik sheikh
    hassan ibrahim
    sharma verma gupta kumar reddy mehta shah joshi nair iyer rao das chowdhury banerjee mukherjee bose
    ghosh agarwal kapoor chopra malhotra bhatia
    wang zhang liu yang huang zhao zhou sun zhu lin guo luo zheng liang xie tang deng feng han
    sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato yoshida yamada sasaki
    matsumoto inoue kimura hayashi shimizu park choi jung kang cho yoon jang
    galan mena diez navarro ramirez molina blanco suarez serrano ortega rubio marin sanz iglesias
    garrido cano prieto calvo cabrera campos reyes cortes lozano pascual herrero montero hidalgo
    gimenez ibanez ferrer duran santana crespo vidal benitez mora vicente arias carmona
    hermann weiß seidel ludwig bohm winter kraus sommer stein haas schreiber dietrich ziegler kuhn
    pohl engel horn busch bergmann voigt sauer arnold pfeiffer schubert graf hein
    de luca serra villa pellegrini fabbri ferri testa valentini gentile martini leone longo gatti
    martinelli silvestri bernardi marchetti parisi bellini basile rinaldi coppola messina
    krol wieczorek jablonski wrobel majewski olszewski stepien malinowski jaworski adamczyk dudek
    nowakowska kowalska wisniewska lewandowska kaminska zielinska szymanska
    chawla sethi khanna mathur saxena mishra pandey tiwari dubey trivedi desai naidu pillai menon
    bakshi sehgal arora anand bhatt chauhan rathore yadav thakur sinha mukhopadhyay dutta sen
    hermans berg nyberg lindberg lindstrom lundqvist holm bergstrom lindgren wallin eklund
    kurt ozdemir polat korkmaz aksoy tekin gunes kilic bulut
    """
)
PLACE_WORDS = _words(
    """
    street st avenue ave road rd lane ln drive dr court ct boulevard blvd way ways place pl square sq
    terrace circle cir parkway pkwy highway hwy alley trail trl crossing crescent close row walk mews
    plaza loop path pike route expressway freeway turnpike bypass causeway
    station park airport field hospital school college university academy institute county city town
    village township borough district region province island islands bridge river creek lake bay beach
    port ports harbor harbour hill hills mount mountain mountains valley ridge ridges forest forks fork
    glen grove gardens garden green heights meadow meadows mill mills orchard point pines prairie ranch
    rapids shore shores spring springs summit view views villages vista well wells woods divide estates
    center centre mall market building tower house hall hotel inn church museum theatre theater stadium
    inc llc ltd limited gmbh ag sa spa plc corp corporation co company bank group holdings partners sons
    international regional municipal national memorial executive industries services solutions systems
    strasse platz gasse allee weg rue calle via plaza camino avenida rua ulica vej gatan gata
    """
)
# The most common surnames as they are written in Chinese, Japanese and Korean.
HAN_SURNAMES = tuple(
    _words(
        "佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 清水 斎藤 斉藤 "
        "近藤 藤原 池田 橋本 山崎 石川 中島 前田 藤田 後藤 岡田 長谷川 村上 石井 坂本 遠藤 青木 藤井 西村 福田 "
        "王 李 张 張 刘 劉 陈 陳 杨 楊 黄 赵 趙 吴 吳 周 徐 孙 孫 马 馬 朱 胡 郭 何 罗 羅 高 梁 郑 鄭 谢 謝 "
        "김 이 박 최 정 강 조 윤 장 임"
    )
)
